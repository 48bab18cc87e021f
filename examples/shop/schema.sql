-- The shop: what a small web shop's database may look like, with the flaws that real ones have: users that are
-- gone, orders without a user, orders without an exchange rate, countries without a tax rate.

CREATE TYPE order_status AS ENUM ('active', 'cancelled', 'refunded', 'pending');
CREATE TYPE product_category AS ENUM ('books', 'music', 'garden', 'kitchen', 'toys', 'other');

CREATE TABLE users (
  id            bigint PRIMARY KEY,
  email         text,
  name          text NOT NULL,
  country       varchar(2),
  created_at    timestamptz NOT NULL,
  last_seen_at  timestamptz,
  birth_date    date,
  is_active     boolean NOT NULL,
  preferences   jsonb,
  tags          text[] NOT NULL,
  password_hash text NOT NULL
);

CREATE TABLE products (
  id         uuid PRIMARY KEY,
  sku        text NOT NULL UNIQUE,
  name       text NOT NULL,
  category   product_category NOT NULL,
  price      numeric(12,2) NOT NULL,
  weight_kg  real,
  rating     double precision,
  attributes jsonb,
  thumbnail  bytea
);

-- Orders refer to users that may have been deleted since, so there is no foreign key.
CREATE TABLE orders (
  id           bigint PRIMARY KEY,
  user_id      bigint,
  product_id   uuid NOT NULL REFERENCES products,
  status       order_status NOT NULL,
  quantity     smallint NOT NULL,
  amount       numeric(14,2) NOT NULL,
  discount     numeric(5,4),
  note         text,
  created_at   timestamptz NOT NULL,
  ships_after  time,
  delivered_on date
);

-- The currency that something was paid in, with its rate to the dollar on that day. What was paid in dollars
-- has no row here.
CREATE TABLE currencies (
  id              bigint PRIMARY KEY,
  type            text NOT NULL,
  type_id         bigint NOT NULL,
  currency        varchar(3) NOT NULL,
  conversion_rate numeric(18,8) NOT NULL,
  UNIQUE (type, type_id)
);

CREATE TABLE taxes (
  country    varchar(2) PRIMARY KEY,
  name       text NOT NULL,
  rate       numeric(6,4) NOT NULL,
  valid_from date NOT NULL
);
