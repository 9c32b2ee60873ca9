//! The pages in a real browser, with the whole bridge behind them: headless Chromium through
//! chromedriver, the user's chat page on one side and the agents' console on the other.
//!
//! chromedriver and Chromium are found on `PATH`, or named by `CHROMEDRIVER` and `CHROMIUM`.
//! Without them the tests are skipped, except where `CI` is `true`.
#![allow(clippy::unwrap_used, reason = "a test")]

mod console;
mod driver;
mod form;
mod installed;
mod pace;
mod stage;
mod user;
mod wait;
mod window;

mod accessibility;
mod day;
mod desks;
mod faults;
mod first_look;
mod keyboard;
mod languages;
mod looks;
mod outage;
mod phone;
mod settings;
mod settings_for_all;
mod several;
mod sign_in;
mod start_page;
mod story;
mod supervise;
mod workplace;
