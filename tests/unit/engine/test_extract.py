"""What is told of recorded output.

gcc 12, clang and lld 22, GNU ld 2.40, rustc 1.95, Go 1.26, TypeScript 5, ESLint 9, npm 10, pnpm 9, pytest 9, Python 3.11, dash.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.extract.extract import TAIL_LINES, extract
from buildnet_cli.engine.model import BuildError

ROOT = Path("/workspace")
CWD = ROOT / "pkg"
RECORDED = Path(__file__).parents[2] / "data" / "compilers"


def of(text: str, exit_code: int = 1) -> BuildError:
    return extract(text, root=ROOT, cwd=CWD, exit_code=exit_code)


def of_recorded(name: str, exit_code: int = 1) -> BuildError:
    return of((RECORDED / f"{name}.txt").read_text(encoding="utf-8"), exit_code)


CASES = [
    # name, start of the headline, place, start of the suggestion
    ("gcc_undeclared", "C/C++ compilation failed: ‘nam’ undeclared", "pkg/src/greet.c:6", "Review pkg/src/greet.c:6"),
    ("gcc_colour", "C/C++ compilation failed: expected ‘;’ before ‘}’ token", "pkg/src/colour.c:3", "Review pkg/src/colour.c:3"),
    (
        "gcc_missing_header",
        "C/C++ compilation failed: curl/nothere.h: No such file or directory",
        "pkg/src/head.c:1",
        "Review pkg/src/head.c:1: install the package that provides curl/nothere.h",
    ),
    ("gcc_werror", "C/C++ compilation failed: ‘nam’ undeclared", "pkg/src/greet.c:6", "Review pkg/src/greet.c:6"),
    ("gxx_template", "C/C++ compilation failed: no matching function", "pkg/t.cc:3", "Review pkg/t.cc:3"),
    ("make_recursive", "C/C++ compilation failed: ‘nam’ undeclared", "pkg/src/greet.c:6", "Review pkg/src/greet.c:6"),
    ("ld_undefined", "Linking failed: undefined reference to 'helper'", "pkg/src/main.c:4", "Review pkg/src/main.c:4: define it"),
    ("ld_undefined_nodebug", "Linking failed: undefined reference to 'helper' in main.c", "", "Define it, or link"),
    ("ld_missing_library", "Linking failed: cannot find -lnosuchthing", "", "Install the library nosuchthing"),
    (
        "rustc_types",
        "Rust compilation failed: cannot find value `missing` in this scope (and 1 more)",
        "pkg/src/main.rs:4",
        "Review pkg/src/main.rs:4: rustc --explain E0425",
    ),
    ("rustc_colour", "Rust compilation failed: cannot find value", "pkg/src/main.rs:4", "Review pkg/src/main.rs:4"),
    ("cargo_build", "Rust compilation failed: cannot find value", "pkg/src/main.rs:4", "Review pkg/src/main.rs:4"),
    ("cargo_test", "Rust tests failed: tests::adds: assertion", "pkg/src/main.rs:7", "Review pkg/src/main.rs:7"),
    ("go_build", 'Go build failed: "os" imported and not used', "pkg/main.go:5", "Review pkg/main.go:5"),
    ("go_test", "Go tests failed: TestAdd: Add(1, 2) = 4, want 3", "pkg/main_test.go:7", "Review pkg/main_test.go:7"),
    ("go_missing_module", "Go build failed: cannot find module", "pkg/main.go:3", "Review pkg/main.go:3: go get example.com"),
    (
        "tsc_plain",
        "TypeScript compilation failed: Cannot find module './nothere.js'",
        "pkg/src/routes.ts:1",
        "Review pkg/src/routes.ts:1: install the module",
    ),
    ("tsc_pretty", "TypeScript compilation failed: Cannot find module", "pkg/src/routes.ts:1", "Review pkg/src/routes.ts:1"),
    ("npm_run_build", "TypeScript compilation failed: Cannot find module", "pkg/src/routes.ts:1", "Review pkg/src/routes.ts:1"),
    (
        "eslint_errors",
        "Lint failed: 'value' is not defined (no-undef) (and 3 more)",
        "pkg/src/app.js:2",
        "Review pkg/src/app.js:2",
    ),
    ("eslint_colour", "Lint failed: 'value' is not defined (no-undef)", "pkg/src/app.js:2", "Review pkg/src/app.js:2"),
    (
        "pytest_failures",
        "3 tests failed: tests/test_money.py::test_total - assert 4 == 3",
        "pkg/tests/test_money.py:7",
        "Review pkg/tests/test_money.py:7",
    ),
    ("pytest_colour", "3 tests failed: tests/test_money.py::test_total", "pkg/tests/test_money.py:7", "Review"),
    (
        "pytest_collection",
        "1 test failed: tests/test_broken.py - ModuleNotFoundError",
        "pkg/tests/test_broken.py:1",
        "Review pkg/tests/test_broken.py:1: install the Python module nothere",
    ),
    ("pytest_fixture_error", "1 test failed: tests/test_fix.py::test_uses - RuntimeError", "pkg/tests/test_fix.py:4", "Review"),
    ("python_traceback", "Python error: JSONDecodeError: Expecting", "pkg/tool.py:7", "Review pkg/tool.py:7"),
    (
        "python_missing_module",
        "Python error: ModuleNotFoundError",
        "pkg/mod.py:1",
        "Review pkg/mod.py:1: install the Python module requests_missing",
    ),
    ("python_syntax", "Python error: SyntaxError: invalid syntax", "pkg/syn.py:1", "Review pkg/syn.py:1"),
    ("python_compileall", "Python error: SyntaxError: invalid syntax", "pkg/syn.py:1", "Review pkg/syn.py:1"),
    ("python_without_file", "Python error: ModuleNotFoundError", "", "Install the Python module nosuchmod"),
    ("python_unittest", "Python tests failed: test_count: AssertionError: 2 != 3", "pkg/tests/test_words.py:5", "Review"),
    ("npm_missing_script", 'npm failed: Missing script: "nothere"', "", 'Add the script "nothere" to package.json'),
    ("npm_missing_package", "npm failed: ENOTCACHED: request to", "", ""),
    ("pnpm_missing_script", "pnpm failed: Missing script: deploy", "", 'Add the script "deploy" to package.json'),
    ("pnpm_no_lockfile", 'pnpm failed: Cannot install with "frozen-lockfile"', "", ""),
    ("pnpm_not_found", "Command not found: nolint", "", "Install nolint"),
    ("pnpm_run_build", "Command failed: no entry point in src", "", ""),
    ("pnpm_recursive", "Command failed: Cannot find module './nothere'", "", ""),
    ("clang_undeclared", "C/C++ compilation failed: use of undeclared identifier 'nam'", "pkg/src/greet.c:3", "Review"),
    ("clang_colour", "C/C++ compilation failed: use of undeclared identifier 'nam'", "pkg/src/greet.c:3", "Review"),
    (
        "clang_missing_header",
        "C/C++ compilation failed: 'nowhere.h' file not found",
        "pkg/src/hdr.c:1",
        "Review pkg/src/hdr.c:1: install the package that provides nowhere.h",
    ),
    ("lld_undefined", "Linking failed: undefined symbol 'helper'", "pkg/src/m.c:2", "Review pkg/src/m.c:2: define it"),
    ("cp_disk_full", "Disk full", "", "Free some space"),
    ("gcc_disk_full", "Disk full", "", "Free some space"),
]


@pytest.mark.parametrize(("name", "headline", "place", "suggestion"), CASES, ids=[case[0] for case in CASES])
def test_the_first_error_of_a_recorded_output_is_told_with_its_place(name: str, headline: str, place: str, suggestion: str):
    error = of_recorded(name)
    assert error.headline.startswith(headline)
    assert (f"{error.file}:{error.line}" if error.line is not None else error.file) == place
    assert error.suggestion.startswith(suggestion)
    assert "\x1b" not in error.headline + error.tail
    assert len(error.tail.splitlines()) <= TAIL_LINES


def test_every_recorded_output_has_its_case():
    by_exit_code = {"sh_not_found", "sh_not_executable"}
    assert {path.stem for path in RECORDED.glob("*.txt")} == {case[0] for case in CASES} | by_exit_code


@pytest.mark.parametrize(
    ("text", "exit_code", "headline", "suggestion"),
    [
        ("sh: 1: frobnicate: not found", 127, "Command not found: frobnicate", "Install frobnicate, or add its folder to PATH"),
        ("bash: line 1: frobnicate: command not found", 127, "Command not found: frobnicate", "Install frobnicate"),
        ("zsh:1: command not found: frobnicate", 127, "Command not found: frobnicate", "Install frobnicate"),
        ("sh: 1: ./run.sh: Permission denied", 126, "Command cannot be run: ./run.sh", "Make it executable: chmod +x ./run.sh"),
        ("", 137, "Killed: ended by SIGKILL", "Look whether the machine ran out of memory"),
        ("", 139, "Killed: ended by SIGSEGV", ""),
        ("ssh: connection refused", 255, "Command failed with exit code 255: ssh: connection refused", ""),
        (
            "gcc: fatal error: Killed signal terminated program cc1plus",
            1,
            "Killed: cc1plus was killed",
            "Look whether the machine ran out of memory",
        ),
        ("make: *** No rule to make target 'x.c', needed by 'x.o'.  Stop.", 2, "make failed: No rule to make target 'x.c'", ""),
        ("make: *** [Makefile:7: deploy] Error 3", 2, "make failed: deploy", "Review pkg/Makefile:7"),
        ("main.swift:3:9: error: cannot find 'x' in scope", 1, "Compilation failed: cannot find 'x'", "Review pkg/main.swift:3"),
        ("error: something broke", 1, "Command failed: something broke", ""),
        ("working\nall is lost\n\n", 3, "Command failed with exit code 3: all is lost", ""),
        ("", 3, "Command failed with exit code 3", ""),
        (
            "pkg.py:3: error: Incompatible return value type  [return-value]",
            1,
            "Type check failed: Incompatible return value type",
            "Review pkg/pkg.py:3",
        ),
        (
            "F401 [*] `os` imported but unused\n --> src/a.py:1:8\n",
            1,
            "Lint failed: `os` imported but unused",
            "Review pkg/src/a.py:1",
        ),
        ("a.c:3:1: warning: unused [-Wunused]", 1, "C/C++ compilation failed: unused", "Review pkg/a.c:3"),
        ("ld.lld: error: undefined symbol: helper", 1, "Linking failed: undefined symbol 'helper'", "Define it"),
        (
            "a.cpp:4:10: fatal error: 'zlib.h' file not found",
            1,
            "C/C++ compilation failed: 'zlib.h'",
            "Review pkg/a.cpp:4: install",
        ),
        (" ERR_PNPM_NO_SCRIPT  Missing script: build", 1, "pnpm failed: Missing script: build", ""),
        ("npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE could not resolve", 1, "npm failed: ERESOLVE could not resolve", ""),
        (
            "npm error Lifecycle script `build` failed with error:\nnpm error code 2\nlast words",
            2,
            "Command failed with exit code 2",
            "",
        ),
        (
            "tsconfig.json(3,5): error TS5023: Unknown compiler option 'x'.",
            1,
            "TypeScript compilation failed: Unknown",
            "Review pkg/ts",
        ),
        (
            "error TS18003: No inputs were found.",
            1,
            "TypeScript compilation failed: No inputs",
            "Correct include in tsconfig.json",
        ),
    ],
)
def test_other_outputs(text: str, exit_code: int, headline: str, suggestion: str):
    error = of(text, exit_code)
    assert error.headline.startswith(headline)
    assert error.suggestion.startswith(suggestion)


def test_recorded_shell_complaints_agree_with_their_exit_codes():
    assert of_recorded("sh_not_found", 127).headline == "Command not found: frobnicate"
    assert of_recorded("sh_not_executable", 126).headline == "Command cannot be run: ./noexec.sh"


def test_an_error_goes_before_the_warnings_above_it():
    error = of("a.c:1:1: warning: unused variable\na.c:9:1: error: it broke\n")
    assert (error.headline, error.line) == ("C/C++ compilation failed: it broke", 9)


def test_a_compile_error_goes_before_the_link_error_it_causes():
    error = of("/usr/bin/ld: cannot find -lgreet\ngreet.c:9:1: error: it broke\n")
    assert error.headline == "C/C++ compilation failed: it broke"


def test_one_error_told_twice_counts_once():
    assert of("a.c:9:1: error: it broke\n" * 3).headline == "C/C++ compilation failed: it broke"


def test_a_time_limit_is_what_is_told_whatever_the_output():
    error = extract("a.c:9:1: error: it broke", root=ROOT, cwd=CWD, exit_code=143, timed_out_after=timedelta(minutes=10))
    assert error.headline == "Timed out after 10m"
    assert "timeout_secs" in error.suggestion


def test_only_the_last_exception_of_a_chain_counts():
    text = (
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\nRuntimeError: no x\n'
    )
    assert (of(text).headline, of(text).line) == ("Python error: RuntimeError: no x", 3)


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ("a.c:9:1: error: 'x' undeclared", "a.c:12:7: error: 'y' undeclared", True),
        ("a.c:9:1: error: 'x' undeclared", "b.c:9:1: error: 'x' undeclared", False),
        ("a.c:9:1: error: 'x' undeclared", "a.c:9:1: error: expected ';'", False),
        ("a.ts(1,2): error TS2304: no", "a.ts(1,2): error TS2305: no", False),
        ("panic at 0xdeadbeef in 17 ms", "panic at 0xc0ffee in 3 ms", True),
    ],
)
def test_a_fingerprint_is_equal_for_the_same_fault_only(one: str, other: str, are_equal: bool):
    assert (of(one).fingerprint == of(other).fingerprint) is are_equal


def test_files_outside_the_workspace_keep_their_whole_path():
    assert of("/usr/include/x.h:3:1: error: no").file == "/usr/include/x.h"
    assert of("../../etc/x.c:3:1: error: no").file == "/etc/x.c"


def test_the_tail_is_twelve_lines_of_bounded_length():
    error = of("".join(f"line {number} {'x' * 1000}\n" for number in range(50)))
    assert [line.split()[1] for line in error.tail.splitlines()] == [str(number) for number in range(38, 50)]
    assert max(map(len, error.tail.splitlines())) == 300


@pytest.mark.parametrize(
    "line", ["x" * 5_000_000, "a.c:" * 1_000_000, '  File "' * 500_000, "ld: " * 1_000_000, "\x1b[" * 2_000_000]
)
def test_an_endless_line_does_not_take_long(line: str):
    assert of(f"{line}\na.c:9:1: error: it broke\n").line == 9


@given(st.text(), st.integers(1, 255))
def test_any_output_gives_a_headline(text: str, exit_code: int):
    error = of(text, exit_code)
    assert error.headline
    assert "\n" not in error.headline


@given(st.lists(st.sampled_from([line for path in RECORDED.glob("*.txt") for line in path.read_text("utf-8").splitlines()])))
def test_recorded_lines_in_any_order_give_a_headline(lines: list[str]):
    assert of("\n".join(lines)).headline
