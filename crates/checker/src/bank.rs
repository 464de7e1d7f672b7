//! Money that is moved between accounts is neither made nor lost.
//!
//! A bank of accounts is read as a whole, in one transaction, while transfers run. Every read must show
//! the same total; one that does not has seen half a transfer. Source: the bank workload of Jepsen, after
//! "A Critique of ANSI SQL Isolation Levels" (read skew).

use std::collections::BTreeMap;

/// One read of all accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// When it was asked for, in microseconds of the run's monotonic clock.
    pub call_us: u64,
    /// What each account held.
    pub balances: BTreeMap<String, i64>,
}

/// A read that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Half a transfer was seen, or money was lost.
    #[error("the statement called at {call_us} us adds up to {found}, not {expected}")]
    Total {
        /// Which statement.
        call_us: u64,
        /// What should be there.
        expected: i128,
        /// What was there.
        found: i128,
    },
    /// The statement does not speak of the accounts that there are.
    #[error("the statement called at {call_us} us lacks or adds the account {account}")]
    Accounts {
        /// Which statement.
        call_us: u64,
        /// The first account that differs.
        account: String,
    },
    /// Two transfers that were each right by themselves took the same money.
    #[error(
        "the statement called at {call_us} us shows {found} on account {account}, below {least}"
    )]
    Overdrawn {
        /// Which statement.
        call_us: u64,
        /// Whose account.
        account: String,
        /// What must be there.
        least: i64,
        /// What was there.
        found: i64,
    },
}

/// Checks that each statement speaks of exactly `accounts` and adds up to `total`.
///
/// # Errors
/// The first statement that does not.
pub fn check(accounts: &[String], total: i128, statements: &[Statement]) -> Result<(), Wrong> {
    for Statement { call_us, balances } in statements {
        let call_us = *call_us;
        let missing = accounts.iter().find(|name| !balances.contains_key(*name));
        let extra = balances.keys().find(|name| !accounts.contains(name));
        if let Some(account) = missing.or(extra) {
            return Err(Wrong::Accounts { call_us, account: account.clone() });
        }
        let found = balances.values().map(|n| i128::from(*n)).sum();
        if found != total {
            return Err(Wrong::Total { call_us, expected: total, found });
        }
    }
    Ok(())
}

/// Checks that no account ever holds less than `least`, which every transfer makes sure of before it takes.
///
/// # Errors
/// The first account that does.
pub fn check_overdraft(least: i64, statements: &[Statement]) -> Result<(), Wrong> {
    for Statement { call_us, balances } in statements {
        if let Some((account, found)) = balances.iter().find(|(_, found)| **found < least) {
            let (account, found) = (account.clone(), *found);
            return Err(Wrong::Overdrawn { call_us: *call_us, account, least, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(call_us: u64, balances: &[(&str, i64)]) -> Statement {
        let balances = balances.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        Statement { call_us, balances }
    }

    #[test]
    fn half_a_transfer_is_found() {
        let accounts = ["a".to_owned(), "b".to_owned()];
        let good = [statement(1, &[("a", 50), ("b", 50)]), statement(2, &[("a", -1), ("b", 101)])];
        assert_eq!(check(&accounts, 100, &good), Ok(()));
        let half = statement(3, &[("a", 40), ("b", 50)]);
        assert_eq!(
            check(&accounts, 100, &[half]),
            Err(Wrong::Total { call_us: 3, expected: 100, found: 90 })
        );
        assert_eq!(check_overdraft(-1, &good), Ok(()));
        assert!(matches!(check_overdraft(0, &good), Err(Wrong::Overdrawn { found: -1, .. })));
        let lacking = statement(4, &[("a", 100)]);
        assert!(matches!(check(&accounts, 100, &[lacking]), Err(Wrong::Accounts { .. })));
        let adding = statement(5, &[("a", 100), ("b", 0), ("c", 0)]);
        assert!(matches!(check(&accounts, 100, &[adding]), Err(Wrong::Accounts { .. })));
    }
}
