"""What an error says, and what it never says."""

import pytest

from lepton.errors import LeptonError, redacted


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("fatal: unable to access 'https://user:pass@host/x.git/'", "fatal: unable to access 'https://***@host/x.git/'"),
        ("https://token@host", "https://***@host"),
        ("ssh://user:p@ss@host:22/store", "ssh://***@host:22/store"),
        ("s3://bucket/x?region=eu&X-Amz-Signature=abc&part=1", "s3://bucket/x?region=eu&X-Amz-Signature=***&part=1"),
        ("url='https://host/x?sv=2&sig=abc', status=403", "url='https://host/x?sv=2&sig=***', status=403"),
    ],
)
def test_what_a_url_holds_to_log_in_with_is_left_out(said, told):
    assert str(LeptonError(said)) == told


@pytest.mark.parametrize(
    "said", ["git@host:team/x.git", "https://host/@scope/x", "mail a@b.org", "monkey=1", "https://host/x?page=2"]
)
def test_all_else_stays(said):
    assert redacted(said) == said
