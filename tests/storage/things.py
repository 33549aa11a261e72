"""The statements that this room's tests are made with; light, since other processes begin with it too."""

from consent_service.storage.statement import Statement

FRESH = (
    Statement("DROP TABLE IF EXISTS thing"),
    Statement("CREATE TABLE thing (id TEXT PRIMARY KEY, n BIGINT)"),
)
ADD = Statement("INSERT INTO thing (id, n) VALUES (:id, :n)")
ALL = Statement("SELECT id, n FROM thing ORDER BY id")
COUNT = Statement("SELECT COUNT(*) FROM thing")
SET = Statement("UPDATE thing SET n = :n WHERE id = :id")
LOCK = Statement("SELECT n FROM thing WHERE id = :id {for_update}")
