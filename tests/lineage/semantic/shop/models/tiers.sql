select 1 as customer, 'gold' as tier, date '2026-01-01' as valid_from, date '2026-12-31' as valid_to
