"""What the exchanges say of an API key's rights, of its account's modes, and of marks: each in its own words."""

from __future__ import annotations

from pilotfish.venues.twins.exchanges.records import CexAccount
from pilotfish.venues.twins.exchanges.wire import CexWire, Params, Private, Public

Routes = tuple[dict[tuple[str, str], Public], dict[tuple[str, str], Private]]


def binance(twin: CexWire) -> Routes:
    """https://developers.binance.com/docs/wallet/account/api-key-permission and the futures' account endpoints."""

    def restrictions(account: CexAccount, params: Params) -> object:
        may = account.rights
        return {
            "ipRestrict": may.bound, "createTime": 1_698_645_219_000, "enableReading": True,
            "enableWithdrawals": may.withdraws, "enableInternalTransfer": False, "enableMargin": False,
            "enableFutures": may.trades, "permitsUniversalTransfer": False, "enableVanillaOptions": False,
            "enableFixApiTrade": False, "enableFixReadOnly": True, "enableSpotAndMarginTrading": False,
            "enablePortfolioMarginTrading": False,
        }  # fmt: skip

    def config(account: CexAccount, params: Params) -> object:
        return {
            "feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "updateTime": 0,
            "dualSidePosition": account.rights.hedged, "multiAssetsMargin": False, "tradeGroupId": -1,
        }  # fmt: skip

    def symbols(account: CexAccount, params: Params) -> object:
        kind = "ISOLATED" if account.rights.isolated else "CROSSED"
        return [
            {
                "symbol": name, "marginType": kind, "isAutoAddMargin": False, "leverage": 10,
                "maxNotionalValue": "1000000",
            }
            for name in twin.markets
        ]  # fmt: skip

    def premiums(params: Params) -> object:
        stamp = twin.stamp_ms(twin.now_ns)
        return [
            {
                "symbol": name, "markPrice": one.price_text(twin.marks[name]), "time": stamp, "nextFundingTime": stamp,
                "indexPrice": one.price_text(twin.marks[name]), "lastFundingRate": "0.0001", "interestRate": "0.0001",
                "estimatedSettlePrice": one.price_text(twin.marks[name]),
            }
            for name, one in twin.markets.items()
        ]  # fmt: skip

    return {("GET", "/fapi/v1/premiumIndex"): premiums}, {
        ("GET", "/sapi/v1/account/apiRestrictions"): restrictions,
        ("GET", "/fapi/v1/accountConfig"): config,
        ("GET", "/fapi/v1/symbolConfig"): symbols,
    }


def bybit(twin: CexWire) -> Routes:
    """https://bybit-exchange.github.io/docs/v5/user/apikey-info and /docs/v5/account/account-info."""

    def key(account: CexAccount, params: Params) -> object:
        may = account.rights
        return {
            "id": "1", "note": "", "apiKey": account.key, "readOnly": 0, "secret": "", "type": 1, "deadlineDay": -1,
            "permissions": {
                "ContractTrade": ["Order", "Position"] if may.trades else [], "Spot": [], "Options": [],
                "Wallet": ["AccountTransfer", "Withdraw"] if may.withdraws else [], "Derivatives": [], "Exchange": [],
            },
            "ips": ["127.0.0.1"] if may.bound else ["*"], "unified": 0, "uta": 1, "isMaster": True,
        }  # fmt: skip

    def account_info(account: CexAccount, params: Params) -> object:
        mode = "ISOLATED_MARGIN" if account.rights.isolated else "REGULAR_MARGIN"
        return {"unifiedMarginStatus": 6, "marginMode": mode, "dcpStatus": "OFF", "isMasterTrader": False}

    def tickers(params: Params) -> object:
        rows = [
            {
                "symbol": name, "lastPrice": one.price_text(twin.marks[name]),
                "markPrice": one.price_text(twin.marks[name]), "indexPrice": one.price_text(twin.marks[name]),
            }
            for name, one in twin.markets.items()
        ]  # fmt: skip
        return {"category": "linear", "list": rows}

    return {("GET", "/v5/market/tickers"): tickers}, {
        ("GET", "/v5/user/query-api"): key,
        ("GET", "/v5/account/info"): account_info,
    }


def okx(twin: CexWire) -> Routes:
    """https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-account-configuration"""

    def config(account: CexAccount, params: Params) -> object:
        may = account.rights
        rights = ["read_only", *(["trade"] if may.trades else []), *(["withdraw"] if may.withdraws else [])]
        return [
            {
                "uid": str(account.number), "mainUid": str(account.number), "acctLv": "2", "level": "Lv1",
                "posMode": "long_short_mode" if may.hedged else "net_mode", "autoLoan": False, "greeksType": "PA",
                "label": "", "ip": "127.0.0.1" if may.bound else "", "perm": ",".join(rights), "type": "0",
            }
        ]  # fmt: skip

    def marks(params: Params) -> object:
        stamp = str(twin.stamp_ms(twin.now_ns))
        return [
            {"instType": "SWAP", "instId": name, "markPx": one.price_text(twin.marks[name]), "ts": stamp}
            for name, one in twin.markets.items()
        ]

    return {("GET", "/api/v5/public/mark-price"): marks}, {("GET", "/api/v5/account/config"): config}
