-- Active orders of users that still exist, with the rate they were paid at and the tax of the user's country.
--
-- All money is exact decimal. DuckDB gives the product of two decimals of up to 18 digits a type of 18 digits, and
-- fails when a value does not fit; amounts are widened first, so that the products have room.
--   amount_usd        to the cent, halves away from zero, as PostgreSQL rounds
--   amount_with_tax   exact: the tax rate has 4 decimals, so the product has 6
SELECT
  o.id AS order_id,
  o.user_id,
  u.country,
  coalesce(c.currency, 'USD') AS currency,
  coalesce(c.conversion_rate, 1.0) AS conversion_rate,
  u.email AS user_email,
  o.amount,
  CAST(round(CAST(o.amount AS DECIMAL(20, 2)) * coalesce(c.conversion_rate, 1.0), 2) AS DECIMAL(24, 2)) AS amount_usd,
  CAST(o.amount AS DECIMAL(20, 2)) * (1.0 + coalesce(t.rate, 0.0)) AS amount_with_tax,
  o.created_at
FROM orders AS o
JOIN users AS u ON u.id = o.user_id
LEFT JOIN currencies AS c ON c.type = 'Order' AND c.type_id = o.id
LEFT JOIN taxes AS t ON t.country = u.country
WHERE o.status = 'active'
