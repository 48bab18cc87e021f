-- Fills the shop: 60,000 users, 2,000 products, 600,000 orders, their currencies and taxes. The same rows on
-- every machine: all chance comes from hashes of the ids.

BEGIN;

-- A number from 0 to sides - 1 that depends on `key` and `topic` alone.
CREATE FUNCTION pg_temp.roll(key bigint, topic bigint, sides bigint) RETURNS bigint
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (hashint8extended(key, topic) & 9223372036854775807) % sides;

-- One of `choices`, all as likely as each other.
CREATE FUNCTION pg_temp.pick(key bigint, topic bigint, choices text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN choices[1 + (hashint8extended(key, topic) & 9223372036854775807) % cardinality(choices)];

INSERT INTO taxes (country, name, rate, valid_from) VALUES
  ('DE', 'Mehrwertsteuer', 0.1900, '2007-01-01'),
  ('FR', 'Taxe sur la valeur ajoutée', 0.2000, '2014-01-01'),
  ('PL', 'Podatek od towarów i usług', 0.2300, '2011-01-01'),
  ('GB', 'Value-added tax', 0.2000, '2011-01-04'),
  ('SE', 'Mervärdesskatt', 0.2500, '1990-07-01'),
  ('CH', 'Mehrwertsteuer', 0.0810, '2024-01-01'),
  ('JP', '消費税', 0.1000, '2019-10-01'),
  ('CA', 'Goods and services tax', 0.0500, '2008-01-01'),
  ('QA', 'Without tax', 0.0000, '2000-01-01');

INSERT INTO users
SELECT
  id,
  CASE WHEN pg_temp.roll(id, 1, 50) > 0 THEN 'user' || id || '@example.' || pg_temp.pick(id, 2, '{com,org,net}') END,
  pg_temp.pick(id, 3, '{Ada,Zoë,Jürgen,Łukasz,Søren,Chloé,Νίκος,Ольга,美咲,Amina,José,Björk}') || ' '
    || pg_temp.pick(id, 4, '{Müller,Nowak,O''Neill,García,Åström,Dubois,Παππάς,Иванова,佐藤,Haddad,Smith,de la Cruz}'),
  -- The United States, Brazil and a fourth kind, no country at all, have no row in taxes.
  pg_temp.pick(id, 5, '{US,US,US,DE,DE,FR,PL,GB,GB,SE,CH,JP,CA,QA,BR,NULL}'),
  timestamptz '2019-01-01 00:00:00+00' + pg_temp.roll(id, 6, 220000000) * interval '1 second',
  CASE WHEN pg_temp.roll(id, 7, 4) > 0
    THEN timestamptz '2026-01-01 00:00:00+00' + pg_temp.roll(id, 8, 15000000000000) * interval '1 microsecond' END,
  CASE WHEN pg_temp.roll(id, 9, 3) > 0 THEN date '1940-01-01' + pg_temp.roll(id, 10, 25000)::int END,
  pg_temp.roll(id, 11, 10) > 0,
  CASE WHEN pg_temp.roll(id, 12, 5) > 0 THEN jsonb_build_object(
    'language', pg_temp.pick(id, 13, '{en,de,fr,pl,sv,ja}'),
    'newsletter', pg_temp.roll(id, 14, 2) = 0,
    'favourites', jsonb_build_array(pg_temp.roll(id, 15, 2000), pg_temp.roll(id, 16, 2000))) END,
  CASE pg_temp.roll(id, 17, 4)
    WHEN 0 THEN '{}'
    WHEN 1 THEN ARRAY['new']
    WHEN 2 THEN ARRAY['regular', pg_temp.pick(id, 18, '{early,late,"a, b",NULL}')]
    ELSE ARRAY['vip', 'regular', 'ünïcode'] END,
  '$5$' || md5('salt' || id)
FROM generate_series(1::bigint, 60000) AS id;

INSERT INTO products
SELECT
  md5('product' || id)::uuid,
  'SKU-' || lpad(id::text, 6, '0'),
  pg_temp.pick(id, 21, '{Small,Large,Golden,Foldable,Café,Naïve,Electric,Quiet}') || ' '
    || pg_temp.pick(id, 22, '{kettle,novel,record,spade,puzzle,lamp,chair,teapot}') || ' no. ' || id,
  pg_temp.pick(id, 23, '{books,music,garden,kitchen,toys,other}')::product_category,
  -- One in ten is dear.
  (99 + pg_temp.roll(id, 24, 4000) + CASE WHEN pg_temp.roll(id, 19, 10) = 0 THEN pg_temp.roll(id, 20, 400000) ELSE 0 END)
    / 100.0,
  CASE WHEN pg_temp.roll(id, 25, 10) > 0 THEN pg_temp.roll(id, 26, 40000) / 1000.0 END,
  CASE WHEN pg_temp.roll(id, 27, 3) > 0 THEN 1 + pg_temp.roll(id, 28, 4000) / 1000.0 END,
  CASE WHEN pg_temp.roll(id, 29, 4) > 0 THEN jsonb_build_object(
    'colour', pg_temp.pick(id, 30, '{red,green,blue,black}'), 'boxed', pg_temp.roll(id, 31, 2) = 0) END,
  CASE WHEN pg_temp.roll(id, 32, 8) = 0 THEN decode(md5('thumbnail' || id), 'hex') END
FROM generate_series(1::bigint, 2000) AS id;

-- Ids have gaps, as after years of rolled-back transactions. Of a hundred orders, three have no user and one
-- has a user that was deleted.
INSERT INTO orders
SELECT
  o.id,
  CASE WHEN o.luck < 3 THEN NULL
       WHEN o.luck < 4 THEN 60001 + pg_temp.roll(o.id, 42, 5000)
       ELSE 1 + pg_temp.roll(o.id, 43, 60000) END,
  p.id,
  (CASE WHEN o.fate < 78 THEN 'active' WHEN o.fate < 88 THEN 'cancelled'
        WHEN o.fate < 94 THEN 'refunded' ELSE 'pending' END)::order_status,
  o.quantity,
  round(p.price * o.quantity * (1 - coalesce(o.discount, 0)), 2),
  o.discount,
  CASE pg_temp.roll(o.id, 44, 20)
    WHEN 0 THEN 'Please leave at the door.'
    WHEN 1 THEN 'Für Zoë 🎁'
    WHEN 2 THEN E'two\nlines, and a "quote"'
    WHEN 3 THEN '' END,
  o.created_at,
  CASE WHEN pg_temp.roll(o.id, 45, 6) = 0 THEN time '06:00' + pg_temp.roll(o.id, 46, 43200) * interval '1 second' END,
  CASE WHEN o.fate < 60 THEN (o.created_at AT TIME ZONE 'UTC')::date + 1 + pg_temp.roll(o.id, 47, 9)::int END
FROM (
  SELECT
    n * 3 + pg_temp.roll(n, 51, 3) AS id,
    pg_temp.roll(n, 52, 100) AS luck,
    pg_temp.roll(n, 53, 100) AS fate,
    (1 + pg_temp.roll(n, 54, 4) * pg_temp.roll(n, 55, 3))::smallint AS quantity,
    CASE WHEN pg_temp.roll(n, 56, 5) = 0 THEN (pg_temp.roll(n, 57, 4000) / 10000.0)::numeric(5,4) END AS discount,
    md5('product' || 1 + pg_temp.roll(n, 58, 2000))::uuid AS product_id,
    timestamptz '2024-01-01 00:00:00+00' + n * interval '131 seconds'
      + pg_temp.roll(n, 59, 131000000) * interval '1 microsecond' AS created_at
  FROM generate_series(1::bigint, 600000) AS n
) AS o
JOIN products AS p ON p.id = o.product_id
ORDER BY o.id;

-- Six orders of ten were paid in another currency; the Barbados dollar is pegged at half a dollar, so that odd
-- amounts end in half a cent. Refunds have ids of their own, some equal to orders' ids: a
-- join that forgets the type finds them.
INSERT INTO currencies
SELECT
  row_number() OVER (ORDER BY paid.type, paid.type_id),
  paid.type,
  paid.type_id,
  rates.currency,
  CASE WHEN rates.currency = 'BBD' THEN rates.base
       ELSE round(rates.base * (0.95 + pg_temp.roll(paid.type_id, 61, 100000) / 1000000.0), 8) END
FROM (
  SELECT 'Order' AS type, id AS type_id FROM orders WHERE pg_temp.roll(id, 62, 10) < 6
  UNION ALL
  SELECT 'Refund', id FROM orders WHERE status = 'refunded' OR pg_temp.roll(id, 63, 20) = 0
) AS paid
JOIN (VALUES
  (0, 'EUR', 1.08412345), (1, 'GBP', 1.26791234), (2, 'PLN', 0.24876543), (3, 'SEK', 0.09456789),
  (4, 'CHF', 1.12345678), (5, 'JPY', 0.00654321), (6, 'CAD', 0.73214567), (7, 'BBD', 0.5)
) AS rates (n, currency, base) ON rates.n = pg_temp.roll(paid.type_id, 64, 8);

COMMIT;

ANALYZE;
