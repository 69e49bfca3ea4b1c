// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A mandate as the desk keeps it, two slots a wallet. The first is all that an exit needs, and what a copy writes.
/// @dev Amounts are in grains of the asset (`Mandates.GRAIN`): 48 bits hold 281 million whole coins of six decimals.
struct Rule {
    Account account;
    Limits limits;
}

/// @dev What an opening order needs besides, and what is asked seldom.
/// @param issued when the newest mandate or revocation was signed
struct Limits {
    uint48 allocation;
    uint48 orderMax;
    uint16 leverageBps;
    uint16 ratioBps;
    uint16 openSlippageBps;
    uint16 stopSlippageBps;
    uint16 stopBps;
    uint32 issued;
}

/// @notice One word, from the lowest bit: expiry (32), exitSlippageBps (16), tokens (64), paid (32), outlay (48), nonce (64).
/// expiry: first second in which the mandate is void, zero once revoked. tokens: bit n, the desk's nth token may be traded.
/// paid: until when the subscription is paid, in seconds; once revoked, the seconds that were not. outlay: grains that the wallet paid into the market and has not got back.
/// nonce: of the newest instruction carried out.
/// @dev Packed by hand: the compiler writes a struct field by field, 100 gas each.
type Account is uint256;

using AccountLib for Account global;

/// @title AccountLib: the fields of an Account
library AccountLib {
    uint256 private constant LOWER = (1 << 144) - 1;

    function expiry(Account a) internal pure returns (uint256) {
        return uint32(Account.unwrap(a));
    }

    function exitSlippageBps(Account a) internal pure returns (uint256) {
        return uint16(Account.unwrap(a) >> 32);
    }

    function tokens(Account a) internal pure returns (uint256) {
        return uint64(Account.unwrap(a) >> 48);
    }

    function paid(Account a) internal pure returns (uint256) {
        return uint32(Account.unwrap(a) >> 112);
    }

    function outlay(Account a) internal pure returns (uint256) {
        return uint48(Account.unwrap(a) >> 144);
    }

    function nonce(Account a) internal pure returns (uint256) {
        return Account.unwrap(a) >> 192;
    }

    /// @notice After an order: its nonce, and what is out now.
    function traded(Account a, uint64 nonce_, uint48 outlay_) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(a) & LOWER | uint256(outlay_) << 144 | uint256(nonce_) << 192);
    }

    /// @notice After a settlement: what is out now, and until when the subscription is paid.
    function settled(Account a, uint48 outlay_, uint32 paid_) internal pure returns (Account) {
        uint256 kept = Account.unwrap(a) & ~(uint256(type(uint80).max) << 112);
        return Account.wrap(kept | uint256(paid_) << 112 | uint256(outlay_) << 144);
    }

    /// @notice Under a new mandate; what became of the old one stays.
    function allowed(Account a, uint32 expiry_, uint16 exitSlippageBps_, uint64 tokens_, uint32 paid_)
        internal
        pure
        returns (Account)
    {
        uint256 kept = Account.unwrap(a) >> 144 << 144;
        return Account.wrap(
            kept | expiry_ | uint256(exitSlippageBps_) << 32 | uint256(tokens_) << 48 | uint256(paid_) << 112
        );
    }

    /// @notice These tokens are not traded any more.
    function without(Account a, uint64 tokens_) internal pure returns (Account) {
        return Account.wrap(Account.unwrap(a) & ~(uint256(tokens_) << 48));
    }

    /// @notice Ended now. What was not paid is remembered: ending and beginning again is no way around a subscription.
    function revoked(Account a, uint256 now_) internal pure returns (Account) {
        return allowed(a, 0, 0, 0, uint32(unpaid(a, now_)));
    }

    /// @notice Seconds under a living mandate for which no subscription was paid yet.
    function unpaid(Account a, uint256 now_) internal pure returns (uint256) {
        uint256 end = expiry(a);
        if (end == 0) return paid(a);
        if (end > now_) end = now_;
        return end > paid(a) ? end - paid(a) : 0;
    }
}
