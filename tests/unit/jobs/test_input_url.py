"""From where an input may come."""

import pytest

from pixyz_scheduler.errors import InvalidConfig
from pixyz_scheduler.jobs.input_url import AllowedUrls, is_public


def check(allowed, url):
    return AllowedUrls.of(allowed.split()).check(url)


@pytest.mark.parametrize(
    ("allowed", "url", "shown"),
    [
        ("https", "https://example.com/a/part.step", "https://example.com/a/part.step"),
        ("http https", "HTTP://Example.COM:8080/x?sig=secret#part", "http://example.com:8080/x"),
        ("https", "https://me:secret@example.com/x", "https://example.com/x"),
        ("https", "https://münchen.example/ü.step", "https://xn--mnchen-3ya.example/%C3%BC.step"),
        ("https", "https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https", "https://example.com.", "https://example.com/"),
        ("https://*.example.com", "https://a.b.example.com/x", "https://a.b.example.com/x"),
        ("http://10.0.0.5:9000/models", "http://10.0.0.5:9000/models/x", "http://10.0.0.5:9000/models/x"),
        ("file", "file:models/a%20b.step", "file:models/a b.step"),
        ("file", "file:///share/models/x.step", "file:/share/models/x.step"),
    ],
)
def test_what_is_allowed_is_shown_without_passwords_and_signatures(allowed, url, shown):
    found = check(allowed, url)
    assert found.shown == shown
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("allowed", "url", "said"),
    [
        ("", "https://example.com/x", "ALLOW_INPUT_URLS says from where"),
        ("https", "http://example.com/x", "does not name it"),
        ("https", "file:x", "does not name it"),
        ("file", "https://example.com/x", "does not name it"),
        ("https://example.com", "https://example.com.evil.com/x", "does not name it"),
        ("https://example.com", "https://example.com:8443/x", "does not name it"),
        ("https://example.com", "https://example.com@evil.com/x", "does not name it"),
        ("https://*.example.com", "https://example.com/x", "does not name it"),
        ("https://*.example.com", "https://badexample.com/x", "does not name it"),
        ("https://example.com/models", "https://example.com/models-of-others/x", "does not name it"),
        ("https://example.com/models", "https://example.com/models/../x", "does not name it"),
        ("https://example.com/models", "https://example.com/models/%2e%2e/x", "does not name it"),
        ("https://example.com/models", "https://example.com/models/%252e%252e/x", "does not name it"),
        ("https", "ftp://example.com/x", "must begin with"),
        ("https", "https:///x", "must begin with"),
        ("https", "models/x.step", "must begin with"),
        ("https", "https://example.com/a b", "blanks"),
        ("https", "https://example.com\\@evil.com/", "backslashes"),
        ("https", "https://exam\nple.com/", "control characters"),
        ("https", "https://example.com:99999/", "is no address"),
        ("https", "https://[::1/", "is no address"),
        ("https", "https://e/" + "x" * 9000, "characters; at most"),
        ("file", "file://host/x", "needs a path on the share"),
        ("file", "file:", "needs a path on the share"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(allowed, url, said):
    with pytest.raises(InvalidConfig, match=said):
        check(allowed, url)


def test_a_password_stands_in_no_error():
    with pytest.raises(InvalidConfig) as raised:
        check("https", "http://me:secret@example.com/x?sig=secret")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("allowed", "url", "private"),
    [
        ("http", "http://localhost/x", False),
        ("http://*.local http", "http://a.local/x", False),
        ("http://localhost http", "http://localhost/x", True),
        ("http://localhost http", "http://localhost:6379/x", False),
    ],
)
def test_only_a_host_that_is_named_may_be_in_a_private_network(allowed, url, private):
    assert check(allowed, url).may_be_private is private


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("ff02::1", False),
    ],
)
def test_public_addresses_are_told_from_all_others(address, public):
    assert is_public(address) is public
