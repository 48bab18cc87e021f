-- All flights that left New York City's three airports in 2013, with airlines, airports, planes and the weather:
-- the public data set nycflights13, whose sources are the United States' Bureau of Transportation Statistics,
-- Federal Aviation Administration and National Weather Service.

CREATE TABLE airlines (
  carrier text PRIMARY KEY,
  name    text NOT NULL
);

CREATE TABLE airports (
  faa   text PRIMARY KEY,
  name  text NOT NULL,
  lat   double precision NOT NULL,
  lon   double precision NOT NULL,
  alt   integer NOT NULL,
  tz    smallint,
  dst   text,
  tzone text
);

CREATE TABLE planes (
  tailnum      text PRIMARY KEY,
  year         smallint,
  type         text NOT NULL,
  manufacturer text NOT NULL,
  model        text NOT NULL,
  engines      smallint NOT NULL,
  seats        smallint NOT NULL,
  speed        smallint,
  engine       text NOT NULL
);

CREATE TABLE weather (
  origin     text NOT NULL,
  year       smallint NOT NULL,
  month      smallint NOT NULL,
  day        smallint NOT NULL,
  hour       smallint NOT NULL,
  temp       numeric(5,2),
  dewp       numeric(5,2),
  humid      numeric(5,2),
  wind_dir   smallint,
  wind_speed double precision,
  wind_gust  double precision,
  precip     numeric(4,2),
  pressure   numeric(6,1),
  visib      numeric(5,2),
  time_hour  timestamptz NOT NULL
);

CREATE TABLE flights (
  year           smallint NOT NULL,
  month          smallint NOT NULL,
  day            smallint NOT NULL,
  dep_time       smallint,
  sched_dep_time smallint NOT NULL,
  dep_delay      smallint,
  arr_time       smallint,
  sched_arr_time smallint NOT NULL,
  arr_delay      smallint,
  carrier        text NOT NULL,
  flight         integer NOT NULL,
  tailnum        text,
  origin         text NOT NULL,
  dest           text NOT NULL,
  air_time       smallint,
  distance       integer NOT NULL,
  hour           smallint NOT NULL,
  minute         smallint NOT NULL,
  time_hour      timestamptz NOT NULL
);
