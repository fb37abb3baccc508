select * from (values
    (1, 'a', 10.00::decimal(12, 2), date '2026-11-16', 'new', 1),
    (2, 'b', 20.50, date '2026-11-17', 'paid', 2),
    (3, 'b', 30.00, date '2026-11-18', 'paid', 3),
    (4, 'c', 40.00, date '2026-11-20', 'odd', 4),
    (5, null, -5.00, date '2026-11-22', '', 5)
) as v (order_id, customer, amount, ordered_on, status, line)
