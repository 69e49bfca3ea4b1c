// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @title Anchor: one storage slot a publisher keeps every journal root that it ever gave
/// @notice A publisher's head is a hash chain: `head' = keccak256(head, hash(batch))`. Nothing before the head can be changed, left
/// out or put in another order without another head; the batches themselves are in the log. Whoever holds a batch can show that it
/// belongs to the chain (`anchored`), and whoever holds a figure that it belongs to the batch (`proven`).
/// @dev No owner, no pause, no upgrade: a publisher is whoever calls. Gas per batch does not depend on what the batch holds.
contract Anchor {
    /// @param journalRoot root of the journal's own hash chain after `records` records
    /// @param figuresRoot Merkle root over the batch's figures (`Figure`), zero where there are none
    /// @param records records of the journal up to that root
    struct Batch {
        bytes32 journalRoot;
        bytes32 figuresRoot;
        uint64 records;
    }

    /// @param kind what is told: "nav", "slippage" or "lag", left-aligned ASCII
    /// @param subject whose: a vault's address or a hash of a lead's or follower's name
    /// @param value NAV per share (1e18), slippage (micro-bps, positive is worse for the follower) or lag (ns)
    struct Figure {
        bytes32 kind;
        bytes32 subject;
        int256 value;
    }

    /// @notice Each publisher's newest link; zero before the first batch.
    mapping(address publisher => bytes32 head) public head;

    /// @notice All of a batch; with these alone the chain can be recomputed from its beginning.
    event Anchored(
        address indexed publisher, bytes32 indexed journalRoot, bytes32 before, bytes32 figuresRoot, uint64 records
    );

    /// @notice The head is not what the publisher thought: another batch got in, or this one is there already. Read `head` first.
    error HeadMoved(bytes32 actual);
    /// @notice A root of zero is no root.
    error NoRoot();

    /// @notice Append a batch to the caller's chain.
    /// @param before the head this batch follows. Makes a doubled or reordered submission fail, so a retry is safe.
    /// @return link the new head
    function anchor(bytes32 before, Batch calldata batch) external returns (bytes32 link) {
        bytes32 actual = head[msg.sender];
        if (actual != before) revert HeadMoved(actual);
        if (batch.journalRoot == 0) revert NoRoot();
        link = next(before, batch);
        head[msg.sender] = link;
        emit Anchored(msg.sender, batch.journalRoot, before, batch.figuresRoot, batch.records);
    }

    /// @notice The link that `batch` makes of the link before it.
    function next(bytes32 before, Batch calldata batch) public pure returns (bytes32) {
        return keccak256(abi.encode(before, keccak256(abi.encode(batch))));
    }

    /// @notice Whether `batch` is in the publisher's chain: it followed `before`, and after it came the batches hashing to `later`.
    function anchored(address publisher, bytes32 before, Batch calldata batch, bytes32[] calldata later)
        public
        view
        returns (bool)
    {
        bytes32 link = next(before, batch);
        for (uint256 i; i < later.length; ++i) {
            link = keccak256(abi.encode(link, later[i]));
        }
        return link == head[publisher];
    }

    /// @notice Whether `figure` is one of those that the publisher anchored with `batch`.
    /// @param proof Merkle path from the figure's leaf to `batch.figuresRoot` (sorted pairs, leaves hashed twice)
    function proven(
        address publisher,
        bytes32 before,
        Batch calldata batch,
        bytes32[] calldata later,
        Figure calldata figure,
        bytes32[] calldata proof
    ) external view returns (bool) {
        return anchored(publisher, before, batch, later)
            && MerkleProof.verifyCalldata(proof, batch.figuresRoot, leaf(figure));
    }

    /// @notice A figure's leaf. Hashed twice, so that no inner node passes for a leaf.
    function leaf(Figure calldata figure) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(figure))));
    }
}
