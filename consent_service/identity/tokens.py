"""Whose token is it? The one module that accepts tokens; python-jose stands behind it (``signatures``).

Validators are mutually exclusive and picked by the exact ``iss`` (RFC 8725, section 3.12): no token is ever tried
on a second one. The steps, whose numbers stand over the code:

1. one ``Authorization: Bearer`` header, bounded; the token's text read strictly (``compact``)
2. ``iss`` looked up among the issuers that were configured; ``alg`` among that issuer's own
3. one RSA key of that issuer by ``kid``; nothing in the token can name another place to get keys
4. the signature, which is all that python-jose is asked about
5. time, audience, level and the rest, each by type (``claims``, ``unit_tokens``, ``candidate_tokens``)

Every failure is the same Unauthenticated, since the difference would help only an attacker; the reason goes to
the log in fixed words. The only other answer is Unavailable, when an issuer is down and its key was not had before.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from consent_service.clock import SECOND, Clock
from consent_service.errors import Unauthenticated
from consent_service.identity import claims
from consent_service.identity.candidate_tokens import CandidateToken
from consent_service.identity.claims import Refused
from consent_service.identity.compact import LONGEST_TOKEN, CompactToken, Unreadable, parse
from consent_service.identity.issuers import Issuer
from consent_service.identity.signatures import check_algorithms, check_signature
from consent_service.identity.unit_tokens import UnitToken

MOST_LEEWAY = 30 * SECOND
_BEARER = re.compile(rf"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._-]{{1,{LONGEST_TOKEN}}})")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoginToken:
    """A person who logged in just now, in an id_token. ``acr`` is not yet compared with what is demanded.

    ``represents``: she chose to act for somebody else (RFC 9396, RFC 8693), or somebody else acts for her.
    ``showed_herself_at``: when she last did, since a login may lean on one from before; None where it is not said.
    """

    pid: str = field(repr=False)
    acr: str
    sid: str | None
    sub: str = field(repr=False)
    represents: bool
    showed_herself_at: int | None


class BearerValidator(Protocol):
    """One issuer's rules for tokens in calls to us."""

    @property
    def issuer(self) -> Issuer:
        """Whose tokens."""
        ...

    @property
    def algorithms(self) -> frozenset[str]:
        """What they may be signed with."""
        ...

    def read(self, token: CompactToken, *, now: int, leeway: int) -> UnitToken | CandidateToken:
        """Step 5, for a token whose signature holds. Raises Refused."""
        ...


class BearerTokens:
    """Verifies the tokens of calls to us and remembers what was verified, until ``exp``.

    ``leeway`` and all instants are microseconds. What is remembered is keyed by the hash of the token's text,
    which is enough because a token has one canonical text; that of ``most_remembered`` tokens at most.
    """

    def __init__(
        self,
        validators: Sequence[BearerValidator],
        clock: Clock,
        *,
        leeway: int = 10 * SECOND,
        most_remembered: int = 4096,
    ) -> None:
        """Take one validator for each issuer."""
        self._by_issuer = {validator.issuer.identifier: validator for validator in validators}
        if len(self._by_issuer) != len(validators):
            raise ValueError("one validator for each issuer")
        for validator in validators:
            check_algorithms(validator.algorithms)
        self._clock = clock
        self._leeway = _check_leeway(leeway)
        self._verified: OrderedDict[bytes, UnitToken | CandidateToken] = OrderedDict()
        self._most_remembered = most_remembered

    @property
    def remembered(self) -> int:
        """How many tokens are remembered now."""
        return len(self._verified)

    async def unit(self, authorization: Sequence[str]) -> UnitToken:
        """The organisation's token in the call's ``Authorization`` headers. Raises Unauthenticated."""
        token = await self._judged(authorization)
        if isinstance(token, UnitToken):
            return token
        _note(token if isinstance(token, Refused) else Refused("a person's token at an organisation's door"))
        raise Unauthenticated

    async def candidate(self, authorization: Sequence[str]) -> CandidateToken:
        """The person's token in the call's ``Authorization`` headers. Raises Unauthenticated."""
        token = await self.candidate_or_why(authorization)
        if isinstance(token, Refused):
            raise Unauthenticated
        return token

    async def candidate_or_why(self, authorization: Sequence[str]) -> CandidateToken | Refused:
        """The same for a page, which may tell a person why she is not let in; no program is told."""
        token = await self._judged(authorization)
        if isinstance(token, UnitToken):
            token = Refused("an organisation's token at a person's door")
        if isinstance(token, Refused):
            _note(token)
        return token

    async def _judged(self, authorization: Sequence[str]) -> UnitToken | CandidateToken | Refused:
        match = _BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None  # 1
        if match is None:
            return Refused("no bearer token")
        fingerprint = hashlib.sha256(match[1].encode("ascii")).digest()
        known = self._verified.get(fingerprint)
        if known is not None and self._clock.now() < known.expires_at:
            return known
        try:
            verified = await self._verify(parse(match[1]))
        except (Refused, Unreadable) as reason:
            self._verified.pop(fingerprint, None)
            return reason if isinstance(reason, Refused) else Refused(str(reason))
        self._remember(fingerprint, verified)
        return verified

    async def _verify(self, token: CompactToken) -> UnitToken | CandidateToken:
        issuer = token.claims.get("iss")
        validator = self._by_issuer.get(issuer) if isinstance(issuer, str) else None  # 2
        if validator is None:
            raise Refused("iss")
        await check_signature(token, validator.issuer, validator.algorithms)  # 3, 4
        return validator.read(token, now=self._clock.now(), leeway=self._leeway)  # 5

    def _remember(self, fingerprint: bytes, verified: UnitToken | CandidateToken) -> None:
        now = self._clock.now()
        self._verified[fingerprint] = verified
        while self._verified:
            oldest = next(iter(self._verified.values()))
            if len(self._verified) <= self._most_remembered and now < oldest.expires_at:
                return
            self._verified.popitem(last=False)


class LoginTokens:
    """Verifies the id_token of a login (OIDC Core, section 3.1.3.7): once, never remembered, never a bearer."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        client_id: str,
        clock: Clock,
        algorithms: frozenset[str] = frozenset({"RS256"}),
        leeway: int = 10 * SECOND,
        number_claim: str = "pid",
    ) -> None:
        """Take what was registered with the issuer. ``number_claim``: where the identity number stands."""
        self._issuer = issuer
        self._client_id = client_id
        self._clock = clock
        self._algorithms = check_algorithms(algorithms)
        self._leeway = _check_leeway(leeway)
        self._number_claim = number_claim

    async def verify(self, text: str, *, nonce: str) -> LoginToken:
        """Who logged in. ``nonce`` is the one that the login was begun with. Raises Unauthenticated."""
        try:
            token = parse(text)
            if token.claims.get("iss") != self._issuer.identifier:  # 2
                raise Refused("iss")
            await check_signature(token, self._issuer, self._algorithms)  # 3, 4
            return self._read(token, nonce)
        except (Refused, Unreadable) as reason:
            _note(reason)
            raise Unauthenticated from None

    def _read(self, token: CompactToken, nonce: str) -> LoginToken:
        said = token.claims
        claims.expiry(said, now=self._clock.now(), leeway=self._leeway)  # 5
        claims.refuse(said, "events")
        if token.typ == "at+jwt":
            raise Refused("typ")
        if claims.audience(said) != {self._client_id}:
            raise Refused("aud")
        if claims.text_or_none(said, "azp") not in {None, self._client_id}:
            raise Refused("azp")
        if said.get("nonce") != nonce:
            raise Refused("nonce")
        return LoginToken(
            pid=claims.identity_number(said, self._number_claim),
            acr=claims.text(said, "acr"),
            sid=claims.text_or_none(said, "sid"),
            sub=claims.text(said, "sub"),
            represents=not {"authorization_details", "act"}.isdisjoint(said),
            showed_herself_at=claims.instant_or_none(said, "auth_time"),
        )


def _note(reason: Refused | Unreadable) -> None:
    _log.info("token refused", reason=str(reason))


def _check_leeway(leeway: int) -> int:
    if not 0 <= leeway <= MOST_LEEWAY:
        raise ValueError("the leeway is at most 30 seconds")
    return leeway
