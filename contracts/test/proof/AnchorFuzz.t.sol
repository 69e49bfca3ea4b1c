// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "src/proof/Anchor.sol";
import {vm} from "test/support/Vm.sol";

/// @title Chains of any batches: what was put in is provable, and nothing else is
contract AnchorFuzz {
    Anchor private anchor = new Anchor();

    function testFuzz_every_batch_of_a_chain_is_provable_and_a_forged_one_is_not(
        Anchor.Batch[] calldata batches,
        uint256 which,
        Anchor.Batch calldata forged
    ) external {
        vm.assume(batches.length != 0);
        which %= batches.length;
        bytes32[] memory later = new bytes32[](batches.length - 1 - which);
        bytes32 head;
        bytes32 before;
        for (uint256 i; i < batches.length; ++i) {
            vm.assume(batches[i].journalRoot != 0);
            if (i == which) before = head;
            if (i > which) later[i - which - 1] = keccak256(abi.encode(batches[i]));
            head = anchor.anchor(head, batches[i]);
        }
        vm.assertTrue(anchor.anchored(address(this), before, batches[which], later), "a batch of the chain");
        bool same = keccak256(abi.encode(forged)) == keccak256(abi.encode(batches[which]));
        vm.assertTrue(same || !anchor.anchored(address(this), before, forged, later), "a forged batch");
    }
}
