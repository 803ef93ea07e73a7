"""All settings of the service: environment variables with the prefix TIANSHU_, each with a default that works."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.errors import UnavailableError


class Settings(BaseSettings):
    """One frozen object, read once in a door and passed down."""

    model_config = SettingsConfigDict(env_prefix="TIANSHU_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL with PostGIS; empty: a private cluster in data_dir"
    )
    data_dir: Path = Field(Path("var"), description="Folder of the private cluster, its password and the demo's files")
    api_host: str = Field("127.0.0.1", description="Address the pages and the API listen on")
    api_port: int = Field(8600, description="Port of the pages and the API")
    gateway_host: str = Field("127.0.0.1", description="Address the JT/T 808 gateway listens on")
    gateway_port: int = Field(7611, description="Port of the JT/T 808 gateway")
    command_timeout_s: float = Field(
        10.0, gt=0, description="A command not answered for this long is sent again; the n-th wait is n times as long"
    )
    command_retries: int = Field(3, ge=0, le=10, description="How often a command that stays unanswered is sent again")
    gateway_udp_port: int = Field(0, ge=0, le=65535, description="UDP port of the JT/T 808 gateway; 0: none")
    gateway_tls_cert: Path | None = Field(
        None, description="PEM file of the certificate that the gateway's TCP port shows, then TLS only; empty: no TLS"
    )
    gateway_tls_key: Path | None = Field(None, description="PEM file of its key; empty: in the certificate's file")
    metrics_port: int = Field(7612, description="Port of the gateway's own health and Prometheus page, loopback only")
    sentences_port: int = Field(0, description="TCP and UDP port for NMEA 0183 and BeiDou short messages; 0: none")
    sentences_sources: str = Field(
        "", description="Addresses that speak for a device without a token: 192.0.2.7=13900000001, 192.0.2.8=…"
    )
    media_room_mb: int = Field(
        10_240, ge=0, description="Photos, sound and films of terminals in data_dir, in units of 1024 KB; 0: none kept"
    )
    batch_window_ms: int = Field(50, ge=1, le=1000, description="Longest time fixes wait for others before the commit")
    batch_max_fixes: int = Field(5000, ge=1, description="Most fixes in one commit")
    future_tolerance_s: int = Field(
        300, description="A fix further ahead of the clock never becomes the newest position"
    )
    clock_skew_s: int = Field(
        60, ge=1, description="Fixes of a device whose clock is measured to be further from ours are flagged"
    )
    past_tolerance_days: int = Field(3652, description="A fix older than this never becomes the newest position")
    stale_after_s: int = Field(120, description="A unit not heard of for longer is shown as stale and not recommended")
    dispatch_radius_m: int = Field(20_000, description="Units further away than this are not considered for a call")
    road_network: str = Field("zhuzhou", description="Name of the imported road network that dispatch computes on")
    dispatch_file: Path | None = Field(
        None, description="TOML file of kinds of calls, results, timers and targets; empty: the shipped one"
    )
    guidance_file: Path | None = Field(
        None, description="TOML file of the enforcement guidance by kind of call; empty: the shipped one"
    )
    unit_duty_from_device: bool = Field(
        False, description="Heed status bit 4 of 0x0200: a free unit whose terminal is out of service is off duty"
    )
    follow_every_s: float = Field(
        3.0, gt=0, description="Time between two looks at the units on their way: arrival, off the route, stopped"
    )
    session_idle_min: int = Field(30, description="A session not used for this long is signed out")
    session_max_h: int = Field(12, description="A session ends after this long in any case")
    wall_max_h: int = Field(
        168, description="A session of the dispatch wall, which is never idle, ends after this long"
    )
    token_max_min: int = Field(60, description="A bearer token of a machine client ends after this long")
    secret_keys: SecretStr | None = Field(
        None, description="Fernet keys that close secrets in the database, newest first; empty: kept in data_dir"
    )
    public_url: str | None = Field(
        None, description="Address people reach the pages at, such as https://…; empty: that of each request"
    )
    oidc_issuer: str | None = Field(None, description="OpenID Connect provider to sign in with; empty: none")
    oidc_client_id: str = Field("tianshu", description="Name of this service at the provider")
    oidc_client_secret: SecretStr | None = Field(None, description="Secret of this service at the provider")
    authorisation_max_days: int = Field(92, description="An authorisation of a case expires after this long at most")
    audit_roots: Path | None = Field(
        None, description="File of the audit's seals; empty: audit/roots.jsonl in data_dir"
    )
    audit_seal_minutes: Literal[5, 10, 15, 20, 30, 60] = Field(
        60, description="Every so many minutes the audit is sealed: what the last ones hold, the chain alone protects"
    )
    audit_hook: str | None = Field(
        None, description="Command that new seals are handed on to, on its standard input: a second host, a printer"
    )
    unusual_subjects_per_hour: int = Field(
        60, ge=1, description="An officer who looks at more people, units or calls than this in an hour raises an alert"
    )
    unusual_factor: float = Field(
        3.0, gt=1, description="Looks of a day above this many times the officer's own median are unusual"
    )
    acquaintances_file: Path | None = Field(
        None, description="TOML file of whom an officer knows privately; looks at them are shown to the auditor"
    )
    retention_file: Path | None = Field(None, description="TOML file of how long what is kept; empty: the shipped one")
    least_track_days: int = Field(
        30, ge=0, description="Days that positions are kept at least, for dispatch and complaints, whoever asks"
    )
    allowed_hosts: str = Field(
        "", description="Host names the API answers to, * for any; empty: public_url's, and on loopback this machine's"
    )
    max_body_kb: int = Field(4096, ge=1, description="Longest request body but an upload, in units of 1024 bytes")
    sign_ins_per_min: int = Field(30, ge=1, description="Attempts to sign in from one address in a minute")
    expensive_per_min: int = Field(240, ge=1, description="Requests of one session in a minute to each expensive route")
    exchange_host: str = Field("127.0.0.1", description="Address that other platforms (JT/T 809) connect to")
    exchange_port: int = Field(0, ge=0, le=65535, description="Port on which lower platforms log in; 0: none may")
    upper_url: SecretStr | None = Field(
        None,
        description="Upper platform that stored fixes go to: "
        "jt809://USER:PASSWORD@host:port/ACCESS_CODE?edition=2011&cipher=M1,IA1,IC1; empty: none",
    )
    exchange_down_host: str = Field("127.0.0.1", description="Address of ours that the upper platform calls back")
    exchange_down_port: int = Field(7809, ge=0, le=65535, description="Port of ours that the upper platform calls back")
    mqtt_url: SecretStr | None = Field(
        None, description="Broker whose topics tianshu/fix/+ are read: mqtt://USER:PASSWORD@host:port; empty: none"
    )
    bus_url: SecretStr | None = Field(
        None,
        description="NATS JetStream between gateways and writers: nats://USER:PASSWORD@host:port, several with commas; "
        "empty: gateways store in PostgreSQL themselves",
    )
    writer_port: int = Field(7613, description="Port of a writer's own health and Prometheus page, loopback only")

    @property
    def stale_after(self) -> timedelta:
        """`stale_after_s` as a duration."""
        return timedelta(seconds=self.stale_after_s)

    @property
    def database_address(self) -> str:
        """`database_url` in clear.

        Raises:
            UnavailableError: it is not set.
        """
        if self.database_url is None:
            raise UnavailableError("Set TIANSHU_DATABASE_URL, or start everything with `tianshu up`.")
        return self.database_url.get_secret_value()
