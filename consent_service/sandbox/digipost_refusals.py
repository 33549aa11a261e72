"""The errors that the local Digipost answers with: code, type and HTTP status as the real one pairs them."""

from dataclasses import dataclass

_TYPES: dict[str, tuple[str, ...]] = {
    "SERVER": ("API_UNAVAILABLE", "SERVER_ERROR"),
    "CONFIGURATION": (
        "ACCOUNT_DEACTIVATED",
        "BROKER_NOT_AUTHORIZED",
        "DELIVERY_DATE_HISTORICAL",
        "NOT_APPROVED_FOR_DIRECT_PRINT",
        "NOT_APPROVED_FOR_IDPORTEN",
        "NOT_APPROVED_FOR_PREENCRYPT",
        "NOT_APPROVED_FOR_PRINT",
    ),
    "CLIENT_TECHNICAL": (
        "DATE_HEADER_OUTSIDE_ACCEPTED_INTERVAL",
        "DOCUMENTS_AND_FILES_MISMATCH",
        "DOCUMENT_NOT_FOUND",
        "INVALID_DATE",
        "INVALID_DATE_HEADER",
        "INVALID_DATE_RANGE",
        "INVALID_QUERY_PARAMETER",
        "INVALID_SHA256",
        "INVALID_SIGNATURE",
        "INVALID_USER_ID_HEADER",
        "MISSING_BODYPART_CONTENT_DISPOSITION",
        "MISSING_BODYPART_FILENAME",
        "MISSING_DATE_HEADER",
        "MISSING_SHA256",
        "MISSING_SIGNATURE",
        "PROBLEM_WITH_REQUEST",
        "SCHEMA_VALIDATION_ERROR",
        "UNKNOWN_USER_ID",
    ),
    "CLIENT_DATA": (
        "DUPLICATE_DOCUMENT_ID",
        "DUPLICATE_MESSAGE",
        "FILE_TOO_LARGE",
        "ILLEGAL_CONTENT_TYPE",
        "INVALID_PDF_CONTENT",
        "INVALID_RECIPIENT_PRINT_ADDRESS",
        "INVALID_RETURN_ADDRESS",
        "MISSING_CONTENT",
        "MISSING_RECIPIENT",
        "MISSING_SUBJECT",
        "REQUEST_TOO_LARGE",
        "UNKNOWN_RECIPIENT",
        "UNKNOWN_SENDER",
    ),
}
TYPE_OF = {code: kind for kind, codes in _TYPES.items() for code in codes}


@dataclass(eq=False)  # an exception is itself, and takes a traceback
class Refused(Exception):
    """An ``<error>`` to answer with."""

    status: int
    code: str
    message: str

    @property
    def type(self) -> str:
        """The ``error-type`` that belongs to the code."""
        return TYPE_OF[self.code]
