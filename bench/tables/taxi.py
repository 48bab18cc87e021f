"""A table like New York's yellow taxi trips: 19 columns, in the order of time, with the gaps that the real one has
where a vendor sends no meter data."""
from __future__ import annotations

from tables.model import Table, columns

COLUMNS = columns("""
    vendorid integer
    tpep_pickup_datetime timestamp
    tpep_dropoff_datetime timestamp
    passenger_count double precision
    trip_distance double precision
    ratecodeid double precision
    store_and_fwd_flag text
    pulocationid integer
    dolocationid integer
    payment_type bigint
    fare_amount double precision
    extra double precision
    mta_tax double precision
    tip_amount double precision
    tolls_amount double precision
    improvement_surcharge double precision
    total_amount double precision
    congestion_surcharge double precision
    airport_fee double precision
""")

QUERY = """
WITH trips AS (
  SELECT i, u(i, 1) < 0.04 AS gap,
    TIMESTAMP '2025-01-01' + to_seconds(floor((i + 40 * u(i, 2)) * 2678400.0 / {rows})::BIGINT) AS pickup,
    round(least(exp(0.6 + 0.85 * normal(i, 3)), 90), 2) AS miles
  FROM range({rows}) t(i)),
timed AS (SELECT *, floor(miles * (190 + 90 * u(i, 4)) + 60 + 240 * u(i, 5))::BIGINT AS seconds FROM trips),
priced AS (
  SELECT *, round(3 + 0.7 * (floor(miles * 5) + floor(seconds / 110)), 1) AS fare,
    CASE WHEN u(i, 6) < 0.75 THEN 1 WHEN u(i, 6) < 0.95 THEN 2 WHEN u(i, 6) < 0.98 THEN 4 ELSE 3 END AS payment,
    (miles > 12)::INT AS airport
  FROM timed),
charged AS (
  SELECT *, CASE WHEN payment = 1 AND u(i, 7) < 0.93 THEN round(fare * (0.1 + 0.2 * u(i, 8)), 2) ELSE 0 END AS tip,
    word([0.0, 1.0, 2.5, 2.5, 5.0], i, 9) AS more, CASE WHEN miles > 9 AND u(i, 10) < 0.5 THEN 6.94 ELSE 0 END AS tolls
  FROM priced)
SELECT CASE WHEN gap THEN 6 WHEN u(i, 11) < 0.24 THEN 1 ELSE 2 END, pickup, pickup + to_seconds(seconds),
  CASE WHEN NOT gap THEN pick(6, i, 12, 4.0)::DOUBLE END, miles,
  CASE WHEN NOT gap THEN CASE WHEN u(i, 13) < 0.95 THEN 1 WHEN airport = 1 THEN 2 ELSE 5 END::DOUBLE END,
  CASE WHEN NOT gap THEN CASE WHEN u(i, 14) < 0.005 THEN 'Y' ELSE 'N' END END,
  265 - pick(264, i, 15, 2.2), 265 - pick(264, i, 16, 1.9), CASE WHEN gap THEN 0 ELSE payment END,
  fare, more, 0.5, tip, tolls, 1.0, round(fare + more + 0.5 + tip + tolls + 1.0 + 2.5, 2),
  CASE WHEN NOT gap THEN CASE WHEN u(i, 17) < 0.9 THEN 2.5 ELSE 0.0 END END,
  CASE WHEN NOT gap THEN airport * 1.75 END
FROM charged
"""

TAXI = Table(
    name="taxi",
    about="like New York's yellow taxi trips: 19 columns, 13 of them double precision, in the order of time",
    rows=3_000_000,
    columns=COLUMNS,
    query=QUERY,
    split_column="pulocationid",
)
