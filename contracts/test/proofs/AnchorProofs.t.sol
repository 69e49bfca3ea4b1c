// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "src/proof/Anchor.sol";

/// @title What halmos proves of Anchor for all inputs, keccak256 being taken as injective
contract AnchorProofs {
    Anchor private anchor = new Anchor();

    /// Two different links never come from different batches, or from different heads.
    function check_a_link_names_one_head_and_one_batch(
        bytes32 before,
        Anchor.Batch calldata batch,
        bytes32 before2,
        Anchor.Batch calldata batch2
    ) external view {
        bool same = before == before2 && batch.journalRoot == batch2.journalRoot
            && batch.figuresRoot == batch2.figuresRoot && batch.records == batch2.records;
        assert(same == (anchor.next(before, batch) == anchor.next(before2, batch2)));
    }

    /// A batch that follows another head than the publisher's is refused and changes nothing.
    function check_a_batch_that_follows_another_head_is_refused(bytes32 before, Anchor.Batch calldata batch) external {
        bytes32 head = anchor.head(address(this));
        try anchor.anchor(before, batch) returns (bytes32 link) {
            assert(before == head);
            assert(batch.journalRoot != 0);
            assert(anchor.head(address(this)) == link);
        } catch {
            assert(before != head || batch.journalRoot == 0);
            assert(anchor.head(address(this)) == head);
        }
    }

    /// Whatever a publisher anchors, the head of any other stays.
    function check_nobody_moves_another_publishers_head(
        address other,
        bytes32 before,
        Anchor.Batch calldata batch
    ) external {
        bytes32 theirs = anchor.head(other);
        anchor.anchor(before, batch);
        assert(other == address(this) || anchor.head(other) == theirs);
    }

    /// No batch goes in twice: the head it followed never comes back (for one further batch in between).
    function check_a_batch_never_goes_in_twice(bytes32 before, Anchor.Batch calldata batch, Anchor.Batch calldata more)
        external
    {
        bytes32 link = anchor.anchor(before, batch);
        anchor.anchor(link, more);
        try anchor.anchor(before, batch) {
            assert(false);
        } catch {}
    }

    /// A figure's leaf names one figure.
    function check_a_leaf_names_one_figure(Anchor.Figure calldata one, Anchor.Figure calldata two) external view {
        bool same = one.kind == two.kind && one.subject == two.subject && one.value == two.value;
        assert(same == (anchor.leaf(one) == anchor.leaf(two)));
    }
}
