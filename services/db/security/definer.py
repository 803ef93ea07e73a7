"""How a function runs that looks at tables with the owner's rights: on a search path that nobody else writes."""

DEFINER = "SECURITY DEFINER SET search_path = public, pg_temp"
