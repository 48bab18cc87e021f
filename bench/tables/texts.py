"""A table of texts and documents, as an application's event log has them: a body of up to 250 words, two jsonb columns,
URLs and UUIDs. Words follow Zipf's law, roughly."""
from __future__ import annotations

from tables.model import Table, columns

COLUMNS = columns("""
    id bigint NOT NULL
    event_id uuid NOT NULL
    created_at timestamptz NOT NULL
    kind text NOT NULL
    url text NOT NULL
    title text
    body text
    payload jsonb NOT NULL
    meta jsonb
""")

SYLLABLES = "['ba', 'con', 'der', 'en', 'for', 'ga', 'hu', 'in', 'jo', 'ka', 'lo', 'men', 'no', 'or', 'pre', 'qui', " \
    "'ra', 'sta', 'ti', 'un', 'ver', 'wa', 'xe', 'yo', 'zu', 'é', 'ö', 'ing', 'ed', 'er']"
KINDS = "['page_view', 'click', 'search', 'purchase', 'signup', 'login', 'logout', 'error', 'refund', 'share']"

QUERY = f"""
WITH vocabulary AS (
  SELECT list(concat(word({SYLLABLES}, w, 1), word({SYLLABLES}, w, 2), CASE WHEN w % 3 > 0 THEN word({SYLLABLES}, w, 3)
    ELSE '' END) ORDER BY w) AS list
  FROM range(4000) t(w)),
events AS (
  SELECT i, TIMESTAMP '2025-03-01' + to_milliseconds(i * 700 + floor(u(i, 2) * 700)::BIGINT) AS created,
    {KINDS}[pick(10, i, 3, 2.0)] AS kind, md5(concat(i, 'event')) AS id,
    [list[pick(4000, i, 100 + k, 3.0)] FOR k IN range(3 + floor(u(i, 4) * 7)::INT)] AS title,
    [list[pick(4000, i, 200 + k, 3.0)] FOR k IN range(20 + floor(230 * pow(u(i, 5), 2))::INT)] AS body
  FROM range({{rows}}) t(i), vocabulary)
SELECT i, id::UUID, strftime(created, '%Y-%m-%d %H:%M:%S.%f+00'), kind,
  concat('https://example.org/', array_to_string(title[1:2], '/'), '?id=', i, '&ref=', left(md5(concat(i % 5000)), 12)),
  CASE WHEN u(i, 6) > 0.02 THEN array_to_string(title, ' ') END,
  CASE WHEN u(i, 7) > 0.05 THEN array_to_string(body, ' ') END,
  concat('{{"user": ', pick(200000, i, 8, 2.0), ', "kind": "', kind, '", "value": ', round(10 * exp(normal(i, 9)), 2),
    ', "tags": ["', title[1], '", "', title[2], '"], "device": {{"os": "', word(['ios', 'android', 'linux', 'windows'], i, 10),
    '", "version": "', pick(20, i, 11, 2.0), '.', pick(9, i, 12, 1.0), '"}}, "ok": ', u(i, 13) < 0.97, '}}'),
  CASE WHEN u(i, 14) > 0.3 THEN concat('{{"trace": "', md5(concat(i, 'trace')), '", "ms": ', pick(9000, i, 15, 3.0), '}}') END
FROM events
"""

TEXTS = Table(
    name="texts",
    about="texts of 20 to 250 words, two jsonb, URLs, UUIDs: 9 columns, about a kilobyte a row",
    rows=400_000,
    columns=COLUMNS,
    query=QUERY,
    split_column="id",
)
