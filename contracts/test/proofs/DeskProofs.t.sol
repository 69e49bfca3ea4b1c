// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Account, AccountLib} from "src/follow/Rule.sol";

/// @title A wallet's packed word: each change writes its own fields and no other, for every word there is
contract DeskProofs {
    using AccountLib for Account;

    function check_a_trade_writes_nonce_and_outlay_alone(uint256 word, uint64 nonce, uint48 outlay) external pure {
        Account a = Account.wrap(word);
        Account b = a.traded(nonce, outlay);
        assert(b.nonce() == nonce && b.outlay() == outlay);
        assert(b.expiry() == a.expiry() && b.exitSlippageBps() == a.exitSlippageBps());
        assert(b.tokens() == a.tokens() && b.paid() == a.paid());
    }

    function check_a_settlement_writes_outlay_and_paid_alone(uint256 word, uint48 outlay, uint32 paid) external pure {
        Account a = Account.wrap(word);
        Account b = a.settled(outlay, paid);
        assert(b.outlay() == outlay && b.paid() == paid);
        assert(b.expiry() == a.expiry() && b.exitSlippageBps() == a.exitSlippageBps());
        assert(b.tokens() == a.tokens() && b.nonce() == a.nonce());
    }

    /// A new mandate changes what is allowed; the nonce stays, so no order that was carried out comes back.
    function check_a_mandate_keeps_nonce_and_outlay(
        uint256 word,
        uint32 expiry,
        uint16 exitSlippageBps,
        uint64 tokens,
        uint32 paid
    ) external pure {
        Account a = Account.wrap(word);
        Account b = a.allowed(expiry, exitSlippageBps, tokens, paid);
        assert(b.expiry() == expiry && b.exitSlippageBps() == exitSlippageBps);
        assert(b.tokens() == tokens && b.paid() == paid);
        assert(b.nonce() == a.nonce() && b.outlay() == a.outlay());
    }

    /// A revocation leaves nothing that may be done, and forgets neither what was done nor what is out.
    function check_a_revocation_ends_everything_and_keeps_nonce_and_outlay(uint256 word, uint32 now_) external pure {
        Account a = Account.wrap(word);
        Account b = a.revoked(now_);
        assert(b.expiry() == 0 && b.exitSlippageBps() == 0 && b.tokens() == 0);
        assert(b.nonce() == a.nonce() && b.outlay() == a.outlay());
    }
}
