// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {ICoupons} from "../types/ICoupons.sol";

/// @title FeeCoupon: whoever holds a valid one pays a tenth less of every fee
/// @notice A coupon is used by holding it, until the period that it is good for has ended; it passes from hand to hand.
/// @dev Time is cut into 256 periods of 30 days (21 years). A holder has one word, bit p for "holds one that is good to the end of
/// period p", and a count behind each bit: whether anything is valid is one shift, whoever sends whatever to whom.
contract FeeCoupon is ERC721, Ownable2Step, ICoupons {
    uint256 public constant PERIOD = 30 days;
    uint256 public constant DISCOUNT_BPS = 1_000;

    /// @notice When period 0 began.
    uint256 public immutable START = block.timestamp;
    /// @notice How many there have ever been.
    uint256 public minted;

    mapping(address holder => uint256) private good;
    mapping(address holder => mapping(uint256 period => uint256)) private held;

    /// @notice A period that is over, or beyond the last (255).
    error NoSuchPeriod(uint256 period);

    constructor(address owner_) ERC721("Pilotfish Fee Coupon", "PFC") Ownable(owner_) {}

    /// @notice Make a coupon that is good to the end of `period`.
    /// @return id the period, then a running number
    function mint(address to, uint256 period) external onlyOwner returns (uint256 id) {
        if (period < current() || period > 255) revert NoSuchPeriod(period);
        id = period << 128 | ++minted;
        _mint(to, id);
    }

    /// @notice Destroy one's own, or one that one was approved for.
    function burn(uint256 id) external {
        _update(address(0), id, msg.sender);
    }

    /// @inheritdoc ICoupons
    function discountBps(address holder) external view returns (uint256) {
        return good[holder] >> current() == 0 ? 0 : DISCOUNT_BPS;
    }

    /// @notice The period that is running.
    function current() public view returns (uint256) {
        return (block.timestamp - START) / PERIOD;
    }

    /// @notice First second in which coupon `id` is good for nothing.
    function expiry(uint256 id) external view returns (uint256) {
        return START + ((id >> 128) + 1) * PERIOD;
    }

    function _update(address to, uint256 id, address auth) internal override returns (address from) {
        from = super._update(to, id, auth);
        uint256 period = id >> 128;
        if (from != address(0) && --held[from][period] == 0) good[from] &= ~(1 << period);
        if (to != address(0) && ++held[to][period] == 1) good[to] |= 1 << period;
    }
}
