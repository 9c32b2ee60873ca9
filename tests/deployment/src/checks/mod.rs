//! The checks, in the order of a deployment's life.

mod access;
mod conversation;
mod lanes;
mod outage;
mod rotation;
mod scene;
mod secrecy;

use std::path::Path;

use crate::error::Error;
use crate::report::Report;
use crate::world::World;
use scene::Scene;

/// Sets the scene and makes all checks; whether they passed.
pub(crate) async fn all(world: &World, folder: &Path, only: Option<&str>) -> Result<bool, Error> {
    let mut report = Report::new(only);
    let mut scene = Scene::set(world, folder).await?;
    access::checks(&mut report, &scene).await;
    conversation::checks(&mut report, &scene).await;
    outage::checks(&mut report, &scene).await;
    rotation::checks(&mut report, &mut scene).await;
    secrecy::checks(&mut report, &scene).await;
    Ok(report.end())
}
