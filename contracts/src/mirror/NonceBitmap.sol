// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title NonceBitmap: each lead's numbers, each usable once, in any order
/// @notice A nonce is a bit in a word of 256. To open a word is what costs, so neighbours share one: the multiples of 16, which are
/// those of the lead's own tagged swaps (one for each transaction of its account), among themselves, and all others among themselves.
abstract contract NonceBitmap {
    uint256 private constant STEP = 16;
    /// @dev Sets the words of the multiples apart: no other word has so high a number.
    uint256 private constant MULTIPLES = 1 << 255;

    /// @notice Bits of the numbers that a lead has used or invalidated.
    mapping(address lead => mapping(uint256 word => uint256 bits)) public nonceBits;

    /// @notice The lead made these numbers unusable, whatever was signed with them.
    event Invalidated(address indexed lead, uint256 indexed word, uint256 mask);

    /// @notice The lead has used this number, or made it unusable.
    error NonceUsed(address lead, uint256 nonce);

    /// @notice Make up to 256 of the caller's numbers unusable, at once: the way to take back what was signed and not yet carried out.
    /// @param word and the bits of `mask` as `placeOf` tells them
    function invalidate(uint256 word, uint256 mask) external {
        nonceBits[msg.sender][word] |= mask;
        emit Invalidated(msg.sender, word, mask);
    }

    /// @notice The word that a number is in, and its bit there.
    function placeOf(uint256 nonce) public pure returns (uint256 word, uint256 bit) {
        if (nonce % STEP == 0) return (MULTIPLES | nonce / STEP >> 8, 1 << (nonce / STEP & 255));
        return (nonce >> 8, 1 << (nonce & 255));
    }

    function _requireUnused(address lead, uint256 nonce) internal view {
        (uint256 word, uint256 bit) = placeOf(nonce);
        if (nonceBits[lead][word] & bit != 0) revert NonceUsed(lead, nonce);
    }

    function _use(address lead, uint256 nonce) internal {
        (uint256 word, uint256 bit) = placeOf(nonce);
        uint256 bits = nonceBits[lead][word];
        if (bits & bit != 0) revert NonceUsed(lead, nonce);
        nonceBits[lead][word] = bits | bit;
    }
}
