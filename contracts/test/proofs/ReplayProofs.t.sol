// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Instruction} from "src/types/Instruction.sol";
import {Instructions} from "src/mirror/Instructions.sol";
import {NonceBitmap} from "src/mirror/NonceBitmap.sol";

/// @dev The bitmap with its inner words opened, on any storage.
contract Bitmap is NonceBitmap {
    function use(address lead, uint256 nonce) external {
        _use(lead, nonce);
    }

    function requireUnused(address lead, uint256 nonce) external view {
        _requireUnused(lead, nonce);
    }

    /// @dev Any state that the word may be in.
    function lay(address lead, uint256 word, uint256 bits) external {
        nonceBits[lead][word] = bits;
    }

    function hashOf(Instruction calldata instruction) external pure returns (bytes32) {
        return Instructions.hash(instruction);
    }

    function commitmentOf(bytes32 digest, bytes32 salt, bytes calldata route) external pure returns (bytes32) {
        return Instructions.commitment(digest, salt, route);
    }
}

/// @title Replay protection, for every lead, every nonce and every state of the bitmap
contract ReplayProofs {
    Bitmap private bitmap = new Bitmap();

    /// No two numbers are kept in one place, and each place is one bit.
    function check_each_number_has_a_bit_of_its_own(uint256 one, uint256 other) external view {
        (uint256 word, uint256 bit) = bitmap.placeOf(one);
        (uint256 word2, uint256 bit2) = bitmap.placeOf(other);
        assert(bit != 0 && bit & (bit - 1) == 0);
        assert((one == other) == (word == word2 && bit == bit2));
    }

    /// A number that was used once passes neither `use` nor `check` again, whatever the word held.
    function check_a_number_is_used_at_most_once(address lead, uint256 nonce, uint256 bits) external {
        (uint256 word,) = bitmap.placeOf(nonce);
        bitmap.lay(lead, word, bits);
        bitmap.use(lead, nonce);
        try bitmap.use(lead, nonce) {
            assert(false);
        } catch {}
        try bitmap.requireUnused(lead, nonce) {
            assert(false);
        } catch {}
    }

    /// It passes the first time exactly if its own bit was not set.
    function check_a_number_passes_exactly_if_its_bit_is_clear(address lead, uint256 nonce, uint256 bits) external {
        (uint256 word, uint256 bit) = bitmap.placeOf(nonce);
        bitmap.lay(lead, word, bits);
        bool clear = bits & bit == 0;
        try bitmap.use(lead, nonce) {
            assert(clear);
        } catch {
            assert(!clear);
        }
    }

    /// Using one number leaves every other of the same lead as it was.
    function check_using_a_number_leaves_all_others(
        address lead,
        uint256 nonce,
        uint256 other,
        uint256 bits,
        uint256 otherBits
    ) external {
        if (other == nonce) return;
        (uint256 word,) = bitmap.placeOf(nonce);
        (uint256 otherWord, uint256 otherBit) = bitmap.placeOf(other);
        bitmap.lay(lead, word, bits);
        if (otherWord != word) bitmap.lay(lead, otherWord, otherBits);
        else otherBits = bits;
        bitmap.use(lead, nonce);
        bool clear = otherBits & otherBit == 0;
        try bitmap.requireUnused(lead, other) {
            assert(clear);
        } catch {
            assert(!clear);
        }
    }

    /// Nobody uses or invalidates another lead's numbers.
    function check_leads_do_not_touch_each_other(address lead, address other, uint256 nonce, uint256 word, uint256 mask)
        external
    {
        if (lead == other || lead == address(this)) return;
        uint256 before = bitmap.nonceBits(lead, word);
        bitmap.use(other, nonce);
        bitmap.invalidate(word, mask);
        assert(bitmap.nonceBits(lead, word) == before);
    }

    /// What was invalidated never passes, and nothing that was used comes back by invalidating.
    function check_invalidated_numbers_never_pass(uint256 nonce, uint256 mask, uint256 bits) external {
        (uint256 word, uint256 bit) = bitmap.placeOf(nonce);
        bitmap.lay(address(this), word, bits);
        bitmap.invalidate(word, mask);
        assert(bitmap.nonceBits(address(this), word) == bits | mask);
        if ((bits | mask) & bit == 0) return;
        try bitmap.use(address(this), nonce) {
            assert(false);
        } catch {}
    }

    /// Two instructions have one struct hash only if every field is the same.
    function check_a_struct_hash_names_one_instruction(Instruction calldata one, Instruction calldata two)
        external
        view
    {
        bool same = one.lead == two.lead && one.book == two.book && one.tokenIn == two.tokenIn
            && one.tokenOut == two.tokenOut && one.fraction == two.fraction && one.limit == two.limit
            && one.deadline == two.deadline && one.nonce == two.nonce;
        assert(same == (bitmap.hashOf(one) == bitmap.hashOf(two)));
    }

    /// Two commitments are equal only if digest and salt and route are.
    function check_a_commitment_names_one_order(
        bytes32 digest,
        bytes32 salt,
        bytes calldata route,
        bytes32 digest2,
        bytes32 salt2,
        bytes calldata route2
    ) external view {
        bool same = digest == digest2 && salt == salt2 && keccak256(route) == keccak256(route2);
        assert(same == (bitmap.commitmentOf(digest, salt, route) == bitmap.commitmentOf(digest2, salt2, route2)));
    }
}
