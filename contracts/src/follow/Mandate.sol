// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a follower signs once (EIP-712) for one lead: everything that the desk may do with its wallet, and nothing else.
/// @param follower whose wallet it is: an EOA or a contract (ERC-1271)
/// @param lead whose instructions are copied
/// @param tokens what may be bought and sold against the desk's asset; each listed by the desk
/// @param allocation capital given to the lead; base units of the asset
/// @param orderMax the most that one order may spend; base units of the asset
/// @param leverageBps the most that may be out in the market, of the allocation; the desk is paid in full, so 10,000 is where it ends
/// @param ratioBps size of an order against the lead's fraction of the allocation; 10,000 is the same fraction
/// @param openSlippageBps against the checked price, for orders that open or add
/// @param exitSlippageBps the same for exits
/// @param stopSlippageBps the same for what the liquidator closes
/// @param stopBps equity, as a share of the allocation, at or below which the liquidator closes everything; zero: never
/// @param feeBpsMax the highest performance fee that the follower agrees to
/// @param issued when it was signed, in seconds: a later mandate replaces an earlier one, a revocation burns all until it
/// @param expiry first second in which it is void
struct Mandate {
    address follower;
    address lead;
    address[] tokens;
    uint256 allocation;
    uint256 orderMax;
    uint16 leverageBps;
    uint16 ratioBps;
    uint16 openSlippageBps;
    uint16 exitSlippageBps;
    uint16 stopSlippageBps;
    uint16 stopBps;
    uint16 feeBpsMax;
    uint32 issued;
    uint32 expiry;
}

using MandateLib for Mandate global;

/// @title MandateLib: what exactly is signed
library MandateLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Mandate(address follower,address lead,address[] tokens,uint256 allocation,uint256 orderMax,uint16 leverageBps,uint16 ratioBps,uint16 openSlippageBps,uint16 exitSlippageBps,uint16 stopSlippageBps,uint16 stopBps,uint16 feeBpsMax,uint32 issued,uint32 expiry)"
    );

    /// @notice The EIP-712 struct hash.
    function hash(Mandate calldata m) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                TYPEHASH,
                m.follower,
                m.lead,
                keccak256(abi.encodePacked(m.tokens)),
                m.allocation,
                m.orderMax,
                m.leverageBps,
                m.ratioBps,
                m.openSlippageBps,
                m.exitSlippageBps,
                m.stopSlippageBps,
                m.stopBps,
                m.feeBpsMax,
                m.issued,
                m.expiry
            )
        );
    }
}
