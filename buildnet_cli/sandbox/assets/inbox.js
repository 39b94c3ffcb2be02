"use strict";

// Asks every two seconds whether anything came; if so, fetches the page again and keeps open what was open.
async function refresh() {
  const inbox = document.getElementById("inbox");
  try {
    const answer = await fetch("/api/messages?limit=0");
    const news = await answer.json();
    if (news.last === Number(inbox.dataset.last)) return;
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    for (const open of inbox.querySelectorAll("details[open]")) {
      const same = page.getElementById(open.id);
      if (same) same.open = true;
    }
    inbox.replaceWith(page.getElementById("inbox"));
  } catch {
    // The sandbox has been stopped; what it received stays on the screen.
  }
}

setInterval(refresh, 2000);
