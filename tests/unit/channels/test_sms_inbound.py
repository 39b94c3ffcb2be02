"""What somebody texted, as Twilio hands it in: a text, a carrier's keyword, a report; or nothing that is for us."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.sms import inbound, status, twiml
from buildnet_cli.channels.sms.inbound import Keyword, Wish
from buildnet_cli.channels.sms.status import State, StatusReport
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import Outcome, UsageError
from buildnet_cli.messages import gsm7
from buildnet_cli.sandbox import twilio, twilio_calls
from buildnet_cli.sandbox.call import Call

URL = "https://builds.example.com/api/notifications/sms/inbound"
PHONE = "+14155550123"
SID = "SM" + "a" * 32


def sms(**given: Any) -> Sms:
    ours = {"account_sid": twilio.ACCOUNT_SID, "auth_token": twilio.AUTH_TOKEN, "from_number": twilio.FROM_NUMBER}
    return Sms(**(ours | given))


def read(call: Call, **given: Any) -> Inbound | Keyword:
    return inbound.read(sms(**given), URL, call.headers, call.body)


def texted(text: str, **fields: str) -> Call:
    return twilio_calls.text_message(URL, PHONE, text, **fields)


def test_a_text_is_from_the_phone_that_sent_it_and_is_answered_there() -> None:
    assert read(texted(" BUILD api é😀 ", MessageSid=SID)) == Inbound(
        channel="sms", identifier=PHONE, text=" BUILD api é😀 ", message_id=SID, reply_to=Address("sms", PHONE)
    )


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "14155550123",
        "+04155550123",
        "+1415 5550123",
        "+14155550123\n",
        "whatsapp:+14155550123",
        "+１４１５５５５０１２３",
        "40404",
    ],
)
def test_a_sender_that_is_no_phone_number_is_not_taken(phone: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(texted("STATUS", From=phone))
    assert not isinstance(caught.value, ForgedError)


@pytest.mark.parametrize("sid", ["", "1", "SM" + "g" * 32, SID + "\n"])
def test_a_message_without_an_id_is_not_taken(sid: str) -> None:
    with pytest.raises(UsageError):
        read(texted("STATUS", MessageSid=sid))


def test_another_account_or_another_number_is_not_ours() -> None:
    for fields in ({"AccountSid": "AC" + "1" * 32}, {"To": "+15005550099"}, {"To": ""}):
        with pytest.raises(ForgedError):
            read(texted("STATUS", **fields))
    with pytest.raises(ForgedError):
        read(texted("STATUS", AccountSid=""), account_sid="", enabled=False)


def test_a_message_to_our_service_is_ours_whatever_its_number() -> None:
    call = texted("STATUS", To="+15005550099", MessagingServiceSid=twilio.SERVICE_SID)
    assert isinstance(read(call, from_number=None, messaging_service_sid=twilio.SERVICE_SID), Inbound)
    with pytest.raises(ForgedError):
        read(call, from_number=None, messaging_service_sid="MG" + "1" * 32)
    # Who names neither, as in the specification's Quick Start, takes what goes to any number of the account.
    assert isinstance(read(texted("STATUS", MessagingServiceSid=""), from_number=None, enabled=False), Inbound)


def test_a_signature_for_another_url_or_token_is_refused() -> None:
    with pytest.raises(ForgedError):
        read(twilio_calls.text_message(URL + "/", PHONE, "STATUS"))
    with pytest.raises(ForgedError):
        read(texted("STATUS"), auth_token="another-token-of-another-account")
    with pytest.raises(ForgedError):
        read(texted("STATUS"), auth_token=None, enabled=False)


@pytest.mark.parametrize(
    ("text", "wish"),
    [(word, Wish.STOP) for word in ("STOP", "stopall", " Unsubscribe ", "CANCEL", "end", "Quit\n", "REVOKE", "optout")]
    + [("start", Wish.START), ("UNSTOP", Wish.START), ("help", Wish.HELP), ("Info", Wish.HELP)],
)
def test_a_bare_carrier_word_is_no_command(text: str, wish: Wish) -> None:
    found = read(texted(text, MessageSid=SID))
    assert found == Keyword(PHONE, wish, text.strip(), SID)
    assert isinstance(read(texted(text), keywords="app"), Inbound)


@pytest.mark.parametrize("text", ["STOP DAEMON", "CANCEL build_1", "HALT", "?", "YES", "yes", "NO", "", "ſtop", "/stop"])
def test_any_other_text_is_left_to_us(text: str) -> None:
    assert isinstance(read(texted(text)), Inbound)


def test_what_twilio_says_it_filtered_is_a_keyword_whatever_is_configured() -> None:
    for keywords in ("carrier", "app"):
        assert getattr(read(texted("basta", OptOutType="STOP"), keywords=keywords), "wish", None) is Wish.STOP
    assert isinstance(read(texted("YES", OptOutType="START")), Inbound)
    assert isinstance(read(texted("STATUS", OptOutType="LATER")), Inbound)


@given(st.binary(max_size=200))
def test_a_malformed_body_is_only_ever_refused(body: bytes) -> None:
    with pytest.raises(ForgedError):
        inbound.read(sms(), URL, texted("STATUS").headers, body)


@given(st.dictionaries(st.sampled_from(["From", "To", "Body", "MessageSid", "OptOutType", "AccountSid"]), st.text(max_size=20)))
def test_a_genuine_request_with_odd_fields_is_taken_or_refused_and_nothing_else(fields: dict[str, str]) -> None:
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    try:
        read(texted("STATUS", **fields))
    except (ForgedError, UsageError):
        return


# Reports


def report(name: str, **fields: str) -> StatusReport:
    call = twilio_calls.status_report(URL, SID, name, **fields)
    return status.read(sms(), URL, call.headers, call.body)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(code, Outcome.RETRY) for code in ("30001", "30003", "30008", "30022", "30023", "30035")]
    + [(code, Outcome.PERMANENT) for code in ("30002", "30004", "30005", "30006", "30007", "30032", "30034", "39999", "", "x")],
)
def test_a_reason_tells_whether_another_try_may_help(code: str, outcome: Outcome) -> None:
    assert report("undelivered", ErrorCode=code).outcome is outcome
    assert report("delivered", ErrorCode=code).outcome is None


def test_a_report_names_the_message_its_state_and_the_reason() -> None:
    assert report("failed", ErrorCode="30007") == StatusReport(SID, State.FAILED, 30007)
    assert report("sent", ErrorCode="0") == StatusReport(SID, State.SENT)
    assert report("accepted").state is State.QUEUED
    assert report("read").state is State.DELIVERED


@pytest.mark.parametrize("name", ["", "received", "DELIVERED", "gone"])
def test_an_unknown_state_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        report(name)


def test_a_forged_report_is_refused() -> None:
    call = twilio_calls.status_report(URL, SID, "delivered")
    with pytest.raises(ForgedError):
        status.read(sms(), URL, {**call.headers, "x-twilio-signature": "A" * 28}, call.body)


def test_states_move_forward_only() -> None:
    order = [State.QUEUED, State.SENDING, State.SENT]
    ends = [state for state in State if state.is_final]
    assert {*order, *ends} == set(State)
    for index, state in enumerate(order):
        assert [later for later in order if later.may_follow(state)] == order[index + 1 :]
        assert all(end.may_follow(state) and not state.may_follow(end) for end in ends)
    assert not any(one.may_follow(other) for one in ends for other in ends)


# Answers


def test_silence_is_an_empty_response() -> None:
    response = ElementTree.fromstring(twiml.silence())
    assert (response.tag, len(response), response.text) == ("Response", 0, None)


def test_an_answer_is_escaped_and_plain() -> None:
    assert "<Message>Queued &lt;api&gt; &amp; 'core'\nok</Message>" in twiml.answer("Queued <api> & ‘core’ ✅\n\nok\x00\u202e")
    assert twiml.answer("\x00 \n") == twiml.silence()


@given(st.text(max_size=800))
def test_any_answer_is_xml_and_fits_into_two_segments(text: str) -> None:
    document = twiml.answer(text)
    response = ElementTree.fromstring(document)
    said = "".join(message.text or "" for message in response)
    assert gsm7.segments(said) <= 2
    assert twilio_calls.answered(document) == ([said] if said else [])


def test_a_long_answer_keeps_its_words_and_a_code_at_its_end() -> None:
    said = twiml.fitted(" ".join(["word"] * 100) + " req_0123456789")
    assert said.endswith("word... req_0123456789")
