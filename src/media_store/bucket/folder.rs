//! Buckets that are folders: `<root>/<bucket>/<key>`. They are made as they are needed.

use std::path::Path;

use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStoreExt, PutPayload};

use super::{Buckets, Delivery, DeliveryError, delivery_error};
use crate::media_store::BoxFuture;

/// Buckets below a folder.
#[derive(Debug)]
pub struct FolderBuckets {
    root: LocalFileSystem,
}

impl FolderBuckets {
    /// Buckets below this folder, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("the harvest folder {}: {error}", root.display());
        std::fs::create_dir_all(root).map_err(|error| failed(&error))?;
        let root = LocalFileSystem::new_with_prefix(root).map_err(|error| failed(&error))?;
        Ok(FolderBuckets { root })
    }
}

impl Buckets for FolderBuckets {
    fn deliver(&self, file: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let place = format!("{}/{}", file.bucket, file.key);
            // Refuses `..`, empty elements and what else could lead out of the folder.
            let path = ObjectPath::parse(&place).map_err(|error| DeliveryError::Refused(error.to_string()))?;
            let payload: PutPayload = file.slices.into_iter().collect();
            self.root.put(&path, payload).await.map_err(|error| delivery_error(&place, error))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_lie_below_their_bucket_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let buckets = FolderBuckets::open(&folder.path().join("out")).unwrap();
        let file = |key: &str| Delivery {
            bucket: "clips".into(),
            region: "eu-west-1".into(),
            key: key.into(),
            slices: vec!["ab".into(), "c".into()],
            content_type: "text/plain".into(),
        };
        buckets.deliver(file("goal/index.m3u8")).await.unwrap();
        assert_eq!(std::fs::read(folder.path().join("out/clips/goal/index.m3u8")).unwrap(), b"abc");
        for key in ["../x", "a/../../../x", "a//b", "/etc/x"] {
            let refused = buckets.deliver(file(key)).await.unwrap_err();
            assert!(matches!(refused, DeliveryError::Refused(_)), "{key}: {refused}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
