// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title VaultRouter: which of a lead's vaults is a follower's
/// @notice A vault holds 32,000 followers; more are spread over shards. An epoch's placement is one Merkle root over
/// (index, follower, allocation): a follower's shard is its index / 32,000, and a follower that shows its path deposits there.
/// @dev Placing 32,000 or 32 million followers writes one slot. The publisher places; it cannot name a vault (the owner, a timelock,
/// appends shards and removes none), and a follower's assets go only from itself to a shard's shares of its own.
contract VaultRouter is Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Followers of one vault.
    uint256 public constant SHARD_SIZE = 32_000;

    /// @notice What all shards take.
    IERC20 public immutable asset;
    /// @notice Who places the followers.
    address public publisher;

    mapping(address vault => bool) public isShard;
    IERC4626[] private _shards;
    bytes32[] private _roots;
    /// @notice What a placed follower has deposited in an epoch, base units.
    mapping(uint256 epoch => mapping(uint256 index => uint256 assets)) public deposited;

    event PublisherSet(address indexed publisher);
    event ShardAdded(uint256 indexed shard, address indexed vault);
    event Placed(uint256 indexed epoch, bytes32 root, uint256 followers);
    event Routed(
        uint256 indexed epoch, address indexed follower, address indexed vault, uint256 assets, uint256 shares
    );

    error NotThePublisher(address caller);
    /// @notice A root of zero, of nobody, or of more followers than the shards hold.
    error NoPlacement(bytes32 root, uint256 followers, uint256 room);
    error WrongAsset(address vault, address asset);
    error ShardTwice(address vault);
    /// @notice The placement is not the newest of so many: take the proof of that.
    error NotTheEpoch(uint256 epoch, uint256 epochs);
    error NotPlaced(uint256 epoch, uint256 index, address follower);
    error BeyondAllocation(uint256 assets, uint256 left);
    /// @notice The shard gave fewer shares than were asked for.
    error TooFewShares(uint256 shares, uint256 sharesMin);
    /// @notice The shard did not take exactly what it was given.
    error NotAllTaken(address vault);

    constructor(address owner, IERC20 asset_) Ownable(owner) {
        asset = asset_;
    }

    /// @notice Let `publisher_` place followers, and nobody else; zero: nobody at all.
    function setPublisher(address publisher_) external onlyOwner {
        publisher = publisher_;
        emit PublisherSet(publisher_);
    }

    /// @notice Append a vault: the place of 32,000 followers more.
    function addShard(IERC4626 vault) external onlyOwner {
        if (vault.asset() != address(asset)) revert WrongAsset(address(vault), vault.asset());
        if (isShard[address(vault)]) revert ShardTwice(address(vault));
        isShard[address(vault)] = true;
        emit ShardAdded(_shards.length, address(vault));
        _shards.push(vault);
    }

    /// @notice Place `followers` followers, indices from zero. The epochs before stay readable and take no deposits any more.
    function publish(bytes32 root, uint256 followers) external returns (uint256 epoch) {
        if (msg.sender != publisher) revert NotThePublisher(msg.sender);
        uint256 room = _shards.length * SHARD_SIZE;
        if (root == 0 || followers == 0 || followers > room) revert NoPlacement(root, followers, room);
        epoch = _roots.length;
        _roots.push(root);
        emit Placed(epoch, root, followers);
    }

    /// @notice Deposit the caller's `assets` into its shard, for shares of its own. It has let this router take the assets, and made
    /// it its operator at the vault.
    /// @param epoch the newest
    /// @param allocation base units: in one epoch no more than this is taken
    /// @param sharesMin least shares the caller takes
    function deposit(
        uint256 epoch,
        uint256 index,
        uint256 allocation,
        bytes32[] calldata proof,
        uint256 assets,
        uint256 sharesMin
    ) external nonReentrant returns (uint256 shares) {
        if (epoch + 1 != _roots.length) revert NotTheEpoch(epoch, _roots.length);
        IERC4626 vault = IERC4626(place(epoch, index, msg.sender, allocation, proof));
        uint256 before = deposited[epoch][index];
        if (assets > allocation - before) revert BeyondAllocation(assets, allocation - before);
        deposited[epoch][index] = before + assets;

        uint256 idle = asset.balanceOf(address(this));
        asset.safeTransferFrom(msg.sender, address(this), assets);
        uint256 received = asset.balanceOf(address(this)) - idle;
        asset.forceApprove(address(vault), received);
        shares = vault.deposit(received, msg.sender);
        if (shares < sharesMin) revert TooFewShares(shares, sharesMin);
        if (asset.balanceOf(address(this)) != idle) revert NotAllTaken(address(vault));
        emit Routed(epoch, msg.sender, address(vault), received, shares);
    }

    /// @notice The vault of a placed follower. Reverts where the proof does not show it.
    function place(uint256 epoch, uint256 index, address follower, uint256 allocation, bytes32[] calldata proof)
        public
        view
        returns (address vault)
    {
        if (epoch >= _roots.length) revert NotTheEpoch(epoch, _roots.length);
        if (
            index / SHARD_SIZE >= _shards.length
                || !MerkleProof.verifyCalldata(proof, _roots[epoch], leaf(index, follower, allocation))
        ) revert NotPlaced(epoch, index, follower);
        return address(_shards[index / SHARD_SIZE]);
    }

    /// @notice A follower's leaf. Hashed twice, so that no inner node passes for a leaf.
    function leaf(uint256 index, address follower, uint256 allocation) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(index, follower, allocation))));
    }

    /// @notice Placements there are; the newest is this less one.
    function epochs() external view returns (uint256) {
        return _roots.length;
    }

    function rootOf(uint256 epoch) external view returns (bytes32) {
        return _roots[epoch];
    }

    function shards() external view returns (address[] memory list) {
        list = new address[](_shards.length);
        for (uint256 i; i < list.length; ++i) {
            list[i] = address(_shards[i]);
        }
    }
}
