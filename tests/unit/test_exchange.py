"""What the exchange between platforms decides without a socket."""

import pytest

from api.cli import up
from api.exchange.lower import BadUpperUrlError, Tally, UpperAddress
from services.ingest.jt809.framing import Cipher, Edition
from services.settings import Settings


def test_a_count_that_can_not_be_true_is_noticed():
    tally = Tally(sent=10, confirmed=10)
    assert tally.reconcile(8)  # the rest may still be under way to be counted
    assert not tally.reconcile(1)  # ten were confirmed before the last notice
    assert tally.reconcile(1)
    assert not tally.reconcile(5)


def test_the_processes_run_only_where_the_settings_want_them():
    plain = [program.name for program in up._programs(Settings())]
    every = Settings(exchange_port=809, mqtt_url="mqtt://broker")
    assert [program.name for program in up._programs(every)] == [*plain, "exchange", "mqtt"]
    assert up._programs(Settings(upper_url="jt809://1:p@h:1/1"))[-1].name == "exchange"


def test_the_address_of_the_upper_platform_is_one_line():
    url = "jt809://7:p%40ss@upper.example:809/1011?edition=2019&cipher=3,2,1"
    assert UpperAddress.parse(url) == UpperAddress(
        "upper.example", 809, 7, "p@ss", 1011, Edition.V2019, Cipher(3, 2, 1)
    )
    for wrong in ("http://7:p@host:1/1", "jt809://host:1/1", "jt809://7:secret@host:1/x", "jt809://7:secret@host/1"):
        with pytest.raises(BadUpperUrlError) as caught:
            UpperAddress.parse(wrong)
        assert "secret" not in str(caught.value)
