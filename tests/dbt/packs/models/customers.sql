select * from (values ('a', 'x@example.org'), ('b', 'y@example.org'), ('d', 'none')) as v (customer, email)
