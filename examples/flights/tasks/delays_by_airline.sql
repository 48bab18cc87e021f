-- How late each airline is, and how much of that is rain's.
SELECT
  carrier,
  airline,
  count(*) AS flights,
  count(*) FILTER (cancelled) AS cancelled,
  round(avg(dep_delay), 1) AS mean_dep_delay,
  round(avg(dep_delay) FILTER (precip > 0), 1) AS mean_dep_delay_in_rain,
  quantile_disc(arr_delay, 0.9) AS arr_delay_90_percent
FROM flight_delays
GROUP BY carrier, airline
ORDER BY flights DESC
