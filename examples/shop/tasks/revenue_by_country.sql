-- Revenue per month (UTC) and country, on top of combined_orders. NULL is users without a country.
SELECT
  CAST(date_trunc('month', created_at AT TIME ZONE 'UTC') AS DATE) AS month,
  country,
  count(*) AS orders,
  count(DISTINCT user_id) AS customers,
  sum(amount_usd) AS revenue_usd,
  max(amount_usd) AS largest_usd
FROM combined_orders
GROUP BY ALL
ORDER BY month, country
