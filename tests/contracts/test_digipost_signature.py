"""Known answers of Digipost's own clients and documentation.

The two signatures are those that digipost-api-client-dotnet's AuthenticationHandlerTests expect (at commits
4978cba7 and 6d33cfc6, Apache-2.0), and the modulus is the public half of the key of the older one; both were
made with it. Only public numbers stand here.
"""

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from consent_service.mailbox import digipost_signing as signing

_MODULUS = base64.b64decode(
    "0unU2AMiIe1yivPy9dubodptLSOfWvBpknZmiPYfzn7924EikMjeEoim7pmAJjPQF//oE5O85ThlVtkm9L+UTfmDOvILqaMJ"
    "bta4ySj812zipTtxO2zyj/wGQ9tU5E7R08aCGFXzk69mbiGWBsLUOrAbxKE9ujv315n2+NXiYgl7UwdcIYXpBAPlVkkkEXG9"
    "cKtF2LluOU7S/PyMh2Ru8TptJE/j7uua7RiFRaEDpdCcj/BCrsICt3cRcriT+GuHAYbR1xQaJlW7FZcZXt1CGLKHLeMcMrWr"
    "CyiV4x6AKDvWjtpVOjWW0klH33wCdS4jDhXHGLM9k7Qz4yY66oZ63Q=="
)
_EXPECTED = {
    "/fakeuri": (
        "tE/WjL2wot+DB42kiuCnDNm0WgBT/UPFoVGCewomssiKKfILqVu0MDjRo3qwjFRnW3jVqppGnJL5Nq2cl3APCo9nlnizGSd/"
        "YXr26XijHPmcgEr48hfnSypQ54TQ6q6swW1Eigq8xcoU3c6R7IkEE5R+rN4f3qpFvc252NHEWgn9QEJGHOE5782PGXggBDPa"
        "W/rf1v2i/AtXU1gi0VGg+TagFwLcvF4qNFZB5sg1slGEFV1C9hKpDWrB+uxrRXGiOW60sYEQ+HpxgnHcg5IlKrgUwlbSH/wn"
        "KSVnrJ81UzA4zX+oqmtjYdww98E6JFebrS7FBVhG67wqbVDlxY/KVw=="
    ),
    "/someendpoint": (
        "HEZfhL+mu0Pb9Owvfs7pHLUXxZPthONK53nWTwXPFtFVjslr4AIxLqUSbAO7PerzBcRryYa84SellVabx8t16Ixg52afLQb0"
        "2qyeDx1qF23YAIvvv01NmEJkVUUTV/oN7MgDAb4NGeujzVoUzXKTV+b5YC4W2c4M/RWSGYF1HxEEo+82SDyTlwGa3XxhcVem"
        "2Kg0LOgZvKaJnFWk0fsVDI7J9xWdOY0NWbtlm/xu77w2IlR+91lbr2G5A75lyzboXVEYvOj3UGzKwFTqGDpR7var+/PzWh00"
        "lQ/dKtILKzDGz3E80CxCOtlU/6kczk9MtYVQvLCy7QR0GMUI6ypTzg=="
    ),
}
_NOON_AND_TWO_SECONDS = 1_404_734_402_000_000  # 2014-07-07T12:00:02Z


def test_the_string_that_is_signed_is_the_one_digiposts_own_client_signs() -> None:
    """The published signatures verify over our request string, so string and algorithm are Digipost's."""
    key = rsa.RSAPublicNumbers(65537, int.from_bytes(_MODULUS, "big")).public_key()
    headers = {
        "X-Digipost-UserId": "1337",
        "Date": signing.http_date(_NOON_AND_TWO_SECONDS),
        "X-Content-SHA256": "TheHashOfContentForHeader",
        "Content-Type": "text/plain",
    }
    for path, signature in _EXPECTED.items():
        signed = signing.request_string("POST", path, "", headers)
        key.verify(base64.b64decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())


def test_the_hash_of_a_body_is_the_published_one() -> None:
    """AuthenticationHandlerTests.ComputeHashMethod."""
    assert signing.content_hash(b"This is the content to hash.") == "gvXOB75lBGBY6LVTAVVpapZkBOv531VUE0EHrP2rryE="


def test_a_get_has_no_hash_line_and_its_query_is_lower_cased_as_sent() -> None:
    """Digipost's security page 3.2.1, and the Java client's lower-casing of path and query."""
    headers = {"date": "Wed, 29 Jun 2011 14:58:11 GMT", "x-digipost-userid": "9999"}
    query = "from=2026-01-26T13%3A57%3A28.443%2B01%3A00"
    assert signing.request_string("get", "/Documents/Events", query, headers) == (
        b"GET\n/documents/events\ndate: Wed, 29 Jun 2011 14:58:11 GMT\nx-digipost-userid: 9999\n"
        b"from=2026-01-26t13%3a57%3a28.443%2b01%3a00\n"
    )


def test_a_call_without_query_ends_in_an_empty_line() -> None:
    """The last line stands even when it is empty (security page 3.2.1)."""
    assert signing.request_string("GET", "/", "", {"Date": "D", "X-Digipost-UserId": "5"}).endswith(b": 5\n\n")


def test_an_answers_string_has_no_query_line() -> None:
    """The example of Digipost's security page 4.1."""
    headers = {
        "X-Content-SHA256": "lTapuncEksiIcxVAw0ibcWzex3zoeMWmACvtov4IZJY=",
        "Date": "Mon, 18 Nov 2013 09:06:42 GMT",
    }
    assert signing.response_string(200, "/messages", headers) == (
        b"200\n/messages\ndate: Mon, 18 Nov 2013 09:06:42 GMT\n"
        b"x-content-sha256: lTapuncEksiIcxVAw0ibcWzex3zoeMWmACvtov4IZJY=\n"
    )
