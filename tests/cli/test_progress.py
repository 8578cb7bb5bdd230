import time

import pytest

from ntadyn.cli import progress


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(progress, "TICK_SECONDS_OF_A_LOG", 0.02)


def test_stages_are_shown_with_the_time_left_and_nothing_goes_to_standard_output(quick, capsys):
    with progress.stages({"first": 0.1, "second": 0.1}) as enter:
        enter("first")
        time.sleep(0.1)
        enter("second")
        time.sleep(0.1)
    out, told = capsys.readouterr()
    assert out == ""
    assert told.index("first") < told.index("second")
    assert "left" in told
    assert told.rstrip().split("\r")[-1].startswith("second: 100%")


def test_a_stage_that_takes_longer_than_expected_is_not_shown_as_done(quick, capsys):
    def overrun():
        with progress.stages({"first": 0.01, "second": 0.01}) as enter:
            enter("first")
            time.sleep(0.2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        overrun()
    told = capsys.readouterr().err
    shares = [int(part.split("%")[0].split()[-1]) for part in told.split("\r") if "%" in part]
    assert 40 <= max(shares) <= 50  # 95 % of the first half
    assert shares == sorted(shares)


def test_warnings_are_a_line_each(capsys):
    progress.warn(["one.", "two."])
    assert capsys.readouterr().err == "warning: one.\nwarning: two.\n"
