-- One row per flight with all that is known of it: airline, destination, plane, and the weather at the hour of its
-- planned departure. Many planes and some destinations are unknown, so all joins but the airline's are left joins.
SELECT
  make_date(f.year, f.month, f.day) AS date,
  f.time_hour,
  f.carrier,
  a.name AS airline,
  f.flight,
  f.tailnum,
  f.origin,
  o.name AS origin_airport,
  f.dest,
  d.name AS dest_airport,
  f.distance,
  f.dep_delay,
  f.arr_delay,
  f.dep_time IS NULL AS cancelled,
  p.manufacturer,
  p.model,
  p.seats,
  2013 - p.year AS plane_age,
  w.temp,
  w.precip,
  w.visib,
  w.wind_speed
FROM flights AS f
JOIN airlines AS a ON a.carrier = f.carrier
LEFT JOIN airports AS o ON o.faa = f.origin
LEFT JOIN airports AS d ON d.faa = f.dest
LEFT JOIN planes AS p ON p.tailnum = f.tailnum
LEFT JOIN weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
