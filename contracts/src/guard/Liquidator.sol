// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IBreaker} from "../types/IBreaker.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";
import {ILiquidatable} from "../types/ILiquidatable.sol";
import {IPriceGuard} from "../types/IPriceGuard.sol";
import {BPS, PRICE_SCALE} from "../types/Wad.sol";

/// @title Liquidator: closes what has reached its line
/// @notice Anybody may call; only the books' own figures decide. An account at its line is sold whole (`liquidate`), a holding at its
/// price stop alone (`stop`). All figures come from the price guard, so on a doubtful price nothing is closed. An account stop is
/// told to the breaker, and what it left short of the line is claimed from the insurance pool, if the book is insured.
/// @dev Between its liquidation and the moment it is seen above its line again (`recovered`) an account may be closed again, but is
/// neither counted nor insured again: else a grain of dust sent to it would halt the platform or draw the same claim twice.
contract Liquidator is Ownable2Step, ReentrancyGuardTransient {
    /// @param listed whether its accounts are closed here
    /// @param insured whether what closing leaves short is claimed. Never for a book whose holders keep their own money: who can take
    /// it out of an account brings the account to its line at will, and would be paid for it
    /// @param countedFrom a closing that sold for less (base units of the asset) does not count for the breaker: else a handful of
    /// accounts, tiny or emptied by their holders, could halt everybody
    struct Book {
        bool listed;
        bool insured;
        uint128 countedFrom;
    }

    /// @notice What may be left unsold of an account that counts as closed, in bps of its line. Dust that no pool buys, which anybody
    /// may have sent there, must not keep a liquidation from being counted and insured.
    uint256 public constant UNSOLD_BPS_MAX = 100;

    IBreaker public immutable breaker;
    IInsurancePool public immutable pool;
    /// @notice Prices for the stops.
    IPriceGuard public immutable guard;

    mapping(address book => Book) public books;
    /// @notice Closed, counted and insured; not yet seen above its line again.
    mapping(address book => mapping(address account => bool)) public closed;
    /// @dev What the closing under way has sold for so far, where it takes several calls.
    mapping(address book => mapping(address account => uint256)) private _sold;

    event BookSet(address indexed book, bool listed, bool insured, uint256 countedFrom);
    /// @notice All amounts in base units of the asset. `left` is what the account is worth after; `claim` the place in the insurance
    /// queue, zero where there is none.
    event Liquidated(
        address indexed book, address indexed account, uint256 equity, uint256 line, uint256 left, uint256 claim
    );
    /// @notice Only some of what the account held could be sold.
    event PartlyClosed(address indexed book, address indexed account, uint256 assets);
    event StopReached(
        address indexed book, address indexed account, address indexed token, uint256 price, uint256 stop, uint256 assets
    );
    event RecoveredAgain(address indexed book, address indexed account, uint256 equity, uint256 line);

    error NotABook(address book);
    /// @notice The account is above its line, or has none.
    error AboveItsLine(uint256 equity, uint256 line);
    /// @notice The account is at or below its line.
    error BelowItsLine(uint256 equity, uint256 line);
    /// @notice The price is above the stop, or there is none.
    error AboveItsStop(uint256 price, uint256 stop);
    /// @notice One route a holding, in the order of `holdings`; an empty one leaves that holding as it is.
    error WrongRoutes(uint256 routes, uint256 holdings);
    /// @notice Nothing is held, or nothing was to be sold.
    error NothingToClose(address account);

    constructor(address owner_, IBreaker breaker_, IInsurancePool pool_, IPriceGuard guard_) Ownable(owner_) {
        (breaker, pool, guard) = (breaker_, pool_, guard_);
    }

    /// @notice Sell all that an account at its line holds.
    /// @param routes for the book's venue, one a holding; an empty one leaves that holding for another time, for where one cannot be
    /// sold, the others still can. Counted and insured is the call after which next to nothing is left.
    function liquidate(ILiquidatable book, address account, bytes[] calldata routes) external nonReentrant {
        Book memory b = _listed(book);
        (uint256 equity, uint256 line) = book.standing(account);
        if (line == 0 || equity > line) revert AboveItsLine(equity, line);
        (uint256 assets, uint256 unsold) = _close(book, account, routes);
        uint256 sold = _sold[address(book)][account] + assets;
        if (unsold > line * UNSOLD_BPS_MAX / BPS) {
            _sold[address(book)][account] = sold;
            emit PartlyClosed(address(book), account, assets);
            return;
        }
        (uint256 left,) = book.standing(account);
        uint256 id;
        if (!closed[address(book)][account]) {
            closed[address(book)][account] = true;
            if (sold >= b.countedFrom) breaker.liquidated(address(book));
            if (b.insured && left < line) id = pool.claim(address(book), account, line - left);
        }
        emit Liquidated(address(book), account, equity, line, left, id);
    }

    /// @notice Sell all of one token that has come down to the account's price stop for it.
    function stop(ILiquidatable book, address account, address token, bytes calldata route) external nonReentrant {
        _listed(book);
        uint256 line = book.priceStop(account, token);
        uint256 price = line == 0 ? 0 : guard.price(token);
        if (line == 0 || price > line) revert AboveItsStop(price, line);
        uint256 assets = book.close(account, token, route);
        if (assets == 0) revert NothingToClose(account);
        emit StopReached(address(book), account, token, price, line, assets);
    }

    /// @notice An account that was closed is above its line again: its next liquidation counts and is insured again. For anybody.
    function recovered(ILiquidatable book, address account) external {
        (uint256 equity, uint256 line) = book.standing(account);
        if (equity <= line) revert BelowItsLine(equity, line);
        closed[address(book)][account] = false;
        _sold[address(book)][account] = 0;
        emit RecoveredAgain(address(book), account, equity, line);
    }

    /// @param countedFrom base units of the asset
    function setBook(address book, bool listed, bool insured, uint128 countedFrom) external onlyOwner {
        books[book] = Book(listed, insured, countedFrom);
        emit BookSet(book, listed, insured, countedFrom);
    }

    /// @return assets what was got
    /// @return unsold what is left out is worth at the lower prices
    function _close(ILiquidatable book, address account, bytes[] calldata routes)
        private
        returns (uint256 assets, uint256 unsold)
    {
        address[] memory tokens = book.holdings(account);
        if (routes.length != tokens.length) revert WrongRoutes(routes.length, tokens.length);
        bool any;
        for (uint256 i; i < tokens.length; ++i) {
            if (routes[i].length == 0) {
                (uint256 low,) = guard.bounds(tokens[i]);
                unsold += IERC20(tokens[i]).balanceOf(account) * low / PRICE_SCALE;
            } else {
                assets += book.close(account, tokens[i], routes[i]);
                any = true;
            }
        }
        if (!any && (tokens.length != 0 || !_due(book, account))) revert NothingToClose(account);
    }

    /// @dev What an insured account held may have been sold by others, in stages: that must not keep it from its insurance.
    function _due(ILiquidatable book, address account) private view returns (bool) {
        return books[address(book)].insured && !closed[address(book)][account];
    }

    function _listed(ILiquidatable book) private view returns (Book memory b) {
        b = books[address(book)];
        if (!b.listed) revert NotABook(address(book));
    }
}
