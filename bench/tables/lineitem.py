"""TPC-H's lineitem at scale factor 1: the same 16 columns, distributions and dependencies between columns, by a
generator of our own. Comments are cut out of random sentences, as dbgen does it."""
from __future__ import annotations

from tables.model import Table, columns

COLUMNS = columns("""
    l_orderkey bigint NOT NULL
    l_partkey integer NOT NULL
    l_suppkey integer NOT NULL
    l_linenumber integer NOT NULL
    l_quantity numeric(15,2) NOT NULL
    l_extendedprice numeric(15,2) NOT NULL
    l_discount numeric(15,2) NOT NULL
    l_tax numeric(15,2) NOT NULL
    l_returnflag char(1) NOT NULL
    l_linestatus char(1) NOT NULL
    l_shipdate date NOT NULL
    l_commitdate date NOT NULL
    l_receiptdate date NOT NULL
    l_shipinstruct char(25) NOT NULL
    l_shipmode char(10) NOT NULL
    l_comment varchar(44) NOT NULL
""")

WORDS = (
    "foxes ideas theodolites pinto~beans instructions dependencies excuses platelets asymptotes courts dolphins "
    "multipliers sauternes warthogs frets dinos attainments somas braids hockey~players sleep wake are cajole haggle nag "
    "use boost affix detect integrate maintain nod was lose sublate solve thrash promise engage hinder print x-ray breach "
    "eat grow impress mold poach furious sly careful blithe quick fluffy slow quiet ruthless thin close dogged daring "
    "brave stealthy permanent enticing idle busy regular final ironic even bold silent sometimes always never furiously "
    "slyly carefully blithely quickly fluffily slowly quietly ruthlessly thinly closely doggedly daringly bravely about "
    "above according~to across after against along alongside~of among around at atop before behind beneath beside "
    "packages requests accounts deposits theodolites instead~of since throughout toward under until with without, the. "
    "special pending express unusual"
)

QUERY = """
WITH words AS (SELECT [replace(w, '~', ' ') FOR w IN string_split('{words}', ' ')] AS list),
orders AS (
  SELECT o, (o >> 3 << 5 | o & 7) + 1 AS orderkey, DATE '1992-01-01' + floor(u(o, 1) * 2406)::INT AS orderdate,
    1 + floor(u(o, 2) * 7)::INT AS lines
  FROM range({rows} // 4) t(o)),
lines AS (
  SELECT orderkey, orderdate, line, o * 8 + line AS n,
    1 + floor(u(n, 3) * greatest({rows} // 30, 200))::INT AS partkey,
    1 + floor(u(n, 4) * 50)::INT AS quantity,
    orderdate + 1 + floor(u(n, 5) * 121)::INT AS shipdate
  FROM orders, unnest(range(1, lines + 1)) l(line)),
shipped AS (SELECT *, shipdate + 1 + floor(u(n, 6) * 30)::INT AS receiptdate FROM lines)
SELECT orderkey, partkey,
  1 + (partkey + floor(u(n, 7) * 4)::INT * (2500 + partkey // 10000)) % 10000, line, quantity::DECIMAL(15,2),
  (quantity * (90000 + partkey // 10 % 20001 + 100 * (partkey % 1000)) / 100)::DECIMAL(15,2),
  (floor(u(n, 8) * 11) / 100)::DECIMAL(15,2), (floor(u(n, 9) * 9) / 100)::DECIMAL(15,2),
  CASE WHEN receiptdate > DATE '1995-06-17' THEN 'N' WHEN u(n, 10) < 0.5 THEN 'R' ELSE 'A' END,
  CASE WHEN shipdate > DATE '1995-06-17' THEN 'O' ELSE 'F' END,
  shipdate, orderdate + 30 + floor(u(n, 11) * 61)::INT, receiptdate,
  word(['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'], n, 12),
  word(['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'], n, 13),
  substr(concat_ws(' ', word(list, n, 14), word(list, n, 15), word(list, n, 16), word(list, n, 17), word(list, n, 18),
    word(list, n, 19), word(list, n, 20), word(list, n, 21), word(list, n, 22), word(list, n, 23)),
    1 + floor(u(n, 24) * 6)::INT, 10 + floor(u(n, 25) * 34)::INT)
FROM shipped, words
"""

LINEITEM = Table(
    name="lineitem",
    about="TPC-H-like lineitem: 16 columns, 4 of them numeric(15,2), 4 padded char(n)",
    rows=6_000_000,
    columns=COLUMNS,
    query=QUERY.replace("{words}", WORDS),
    split_column="l_orderkey",
)
