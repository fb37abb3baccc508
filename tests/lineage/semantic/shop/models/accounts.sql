select 1 as account_id, 1 as holder, date '2026-01-01' as held_on, 10.0 as balance, 'x' as branch
