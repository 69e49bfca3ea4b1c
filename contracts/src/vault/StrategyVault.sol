// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BPS, PRICE_SCALE} from "../types/Wad.sol";
import {IERC7540Operator, IERC7540Redeem} from "./IERC7540.sol";
import {VaultBase} from "./VaultBase.sol";
import {VaultFees} from "./VaultFees.sol";
import {VaultTrades} from "./VaultTrades.sol";
import {Config} from "./VaultTypes.sol";

/// @title StrategyVault: followers pool their money behind one lead
/// @notice Deposits are ERC-4626, exits are requested and claimed (ERC-7540), shares are ERC-20. One trade of the vault is the copy
/// of everybody: nothing in it looks at more than one holder.
contract StrategyVault is VaultTrades, IERC165 {
    using SafeERC20 for IERC20;

    /// @dev Products of shares and prices stay within a word up to here.
    uint256 private constant SUPPLY_MAX = type(uint112).max;
    /// @dev All shares that a lead's one allows.
    uint256 private constant SHARES_PER_STAKE = BPS / STAKE_BPS;
    /// @dev ERC-7575: a vault that says what its share is.
    bytes4 private constant ERC7575_ID = 0x2f0a18c5;

    /// @notice What arrived is not what was sent: tokens that keep a part of a transfer are not taken.
    error NotTheWhole(uint256 assets, uint256 arrived);
    /// @notice The deposit buys no share, leaves less than one whole share in all, or is more than a vault can have.
    error SharesOutOfBounds(uint256 shares);

    constructor(Config memory c) VaultBase(c) VaultFees(c.schedule) {}

    /// @notice Deposit, for oneself or for whoever made the caller its operator (a deposit begins the receiver's lock anew).
    function deposit(uint256 assets, address receiver) public override nonReentrant returns (uint256 shares) {
        _accrue();
        (uint256 low, uint256 high) = _values();
        shares = _sharesDown(assets, high);
        _admit(assets, shares, receiver, low);
    }

    /// @notice As `deposit`, by shares.
    function mint(uint256 shares, address receiver) public override nonReentrant returns (uint256 assets) {
        _accrue();
        (uint256 low, uint256 high) = _values();
        assets = _costUp(shares, high);
        _admit(assets, shares, receiver, low);
    }

    /// @notice Shares that a deposit would buy now, at the higher prices.
    function previewDeposit(uint256 assets) public view returns (uint256) {
        (, uint256 high) = _values();
        return _sharesDown(assets, high);
    }

    /// @notice What shares would cost now, at the higher prices.
    function previewMint(uint256 shares) public view returns (uint256) {
        (, uint256 high) = _values();
        return _costUp(shares, high);
    }

    /// @notice As `previewDeposit`.
    function convertToShares(uint256 assets) external view returns (uint256) {
        return previewDeposit(assets);
    }

    /// @notice What shares are worth now, at the lower prices and before fees.
    function convertToAssets(uint256 shares) external view returns (uint256) {
        return shares * navPerShare() / PRICE_SCALE;
    }

    /// @notice Shares that may still be bought with the lead's stake at what it is. For the lead: no such limit.
    function maxMint(address receiver) public view override returns (uint256) {
        if (_state.closing) return 0;
        try breaker.requireOpen(address(this)) {}
        catch {
            return 0;
        }
        uint256 room = Math.saturatingSub(SUPPLY_MAX, _supply());
        if (receiver == lead) return room;
        uint256 outside = totalSupply() - balanceOf(address(this));
        return Math.min(room, Math.saturatingSub(balanceOf(lead) * SHARES_PER_STAKE, outside));
    }

    /// @notice As `maxMint`, at the lower price, so never too much; nothing while a price is doubtful.
    function maxDeposit(address receiver) public view override returns (uint256) {
        try this.navPerShare() returns (uint256 price) {
            return maxMint(receiver) * price / PRICE_SCALE;
        } catch {
            return 0;
        }
    }

    /// @notice ERC-7575: the share is the vault itself.
    function share() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == type(IERC7540Operator).interfaceId
            || id == type(IERC7540Redeem).interfaceId || id == ERC7575_ID;
    }

    function _admit(uint256 assets, uint256 shares, address receiver, uint256 nav) private {
        _requireOpen();
        _requireActsFor(receiver);
        uint256 supply = totalSupply();
        bool within = shares != 0 && shares + supply >= LEAST_SHARES && shares + supply <= SUPPLY_MAX;
        if (!within) revert SharesOutOfBounds(shares);
        if (supply == 0) _newCurve();
        _record(nav);
        _touch(receiver);
        uint256 before = _balance(asset);
        IERC20(asset).safeTransferFrom(msg.sender, address(this), assets);
        uint256 arrived = _balance(asset) - before;
        if (arrived != assets) revert NotTheWhole(assets, arrived);
        _enter(receiver, shares, assets);
        _requireStake();
        emit Deposit(msg.sender, receiver, assets, shares);
    }
}
