//! The S3 operations, over the storage.

mod copy;
mod input;
mod lists;
mod multipart;
mod objects;

use std::sync::Arc;

use s3s::dto::{
    self, CreateBucketOutput, DeleteBucketOutput, GetBucketLocationOutput, HeadBucketOutput,
    ListBucketsOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::fault;
use super::storage::{Storage, bucket};

/// The region told to whoever asks.
const REGION: &str = "us-east-1";

/// The local S3 as s3s calls it.
pub(super) struct Front {
    storage: Arc<Storage>,
}

impl Front {
    pub(super) fn new(storage: Arc<Storage>) -> Self {
        Self { storage }
    }

    /// Runs `work` where it may wait for the disk.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Storage) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let storage = Arc::clone(&self.storage);
        super::blocking(move || work(&storage)).await
    }

    async fn bucket_exists(&self, name: String) -> S3Result<()> {
        self.on_disk(move |storage| bucket(&mut storage.buckets(), &name).map(|_| ()))
            .await
    }
}

type Answer<T> = S3Result<S3Response<T>>;

fn answer<T>(output: T) -> S3Response<T> {
    S3Response::new(output)
}

#[async_trait::async_trait]
impl S3 for Front {
    async fn create_bucket(
        &self,
        req: S3Request<dto::CreateBucketInput>,
    ) -> Answer<CreateBucketOutput> {
        let name = req.input.bucket;
        let location = Some(format!("/{name}"));
        let new = self
            .on_disk(move |storage| storage.add_bucket(&name).map_err(fault::disk))
            .await?;
        if !new {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        Ok(answer(CreateBucketOutput { location }))
    }

    async fn head_bucket(&self, req: S3Request<dto::HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.bucket_exists(req.input.bucket).await?;
        Ok(answer(HeadBucketOutput {
            bucket_region: Some(REGION.to_owned()),
            ..Default::default()
        }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<dto::GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.bucket_exists(req.input.bucket).await?;
        Ok(answer(GetBucketLocationOutput::default()))
    }

    async fn delete_bucket(
        &self,
        req: S3Request<dto::DeleteBucketInput>,
    ) -> Answer<DeleteBucketOutput> {
        self.on_disk(move |storage| storage.remove_bucket(&req.input.bucket))
            .await?;
        Ok(answer(DeleteBucketOutput::default()))
    }

    async fn list_buckets(
        &self,
        req: S3Request<dto::ListBucketsInput>,
    ) -> Answer<ListBucketsOutput> {
        let prefix = req.input.prefix.clone().unwrap_or_default();
        let buckets = self
            .on_disk(move |storage| {
                let buckets = storage.buckets();
                let found = buckets.iter().filter(|(name, _)| name.starts_with(&prefix));
                Ok(found
                    .map(|(name, bucket)| (name.clone(), bucket.created))
                    .collect::<Vec<_>>())
            })
            .await?;
        let buckets = buckets
            .into_iter()
            .map(|(name, created)| dto::Bucket {
                bucket_region: Some(REGION.to_owned()),
                creation_date: Some(created.timestamp()),
                name: Some(name),
            })
            .collect();
        Ok(answer(ListBucketsOutput {
            buckets: Some(buckets),
            prefix: req.input.prefix,
            ..Default::default()
        }))
    }

    async fn put_object(
        &self,
        req: S3Request<dto::PutObjectInput>,
    ) -> Answer<dto::PutObjectOutput> {
        self.put(req).await
    }

    async fn get_object(
        &self,
        req: S3Request<dto::GetObjectInput>,
    ) -> Answer<dto::GetObjectOutput> {
        self.get(req).await
    }

    async fn head_object(
        &self,
        req: S3Request<dto::HeadObjectInput>,
    ) -> Answer<dto::HeadObjectOutput> {
        self.head(req).await
    }

    async fn delete_object(
        &self,
        req: S3Request<dto::DeleteObjectInput>,
    ) -> Answer<dto::DeleteObjectOutput> {
        self.delete(req.input).await
    }

    async fn delete_objects(
        &self,
        req: S3Request<dto::DeleteObjectsInput>,
    ) -> Answer<dto::DeleteObjectsOutput> {
        self.delete_many(req).await
    }

    async fn copy_object(
        &self,
        req: S3Request<dto::CopyObjectInput>,
    ) -> Answer<dto::CopyObjectOutput> {
        self.copy(req.input).await
    }

    async fn list_objects(
        &self,
        req: S3Request<dto::ListObjectsInput>,
    ) -> Answer<dto::ListObjectsOutput> {
        self.list_v1(req.input).await
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<dto::ListObjectsV2Input>,
    ) -> Answer<dto::ListObjectsV2Output> {
        self.list_v2(req.input).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<dto::CreateMultipartUploadInput>,
    ) -> Answer<dto::CreateMultipartUploadOutput> {
        self.begin(req.input).await
    }

    async fn upload_part(
        &self,
        req: S3Request<dto::UploadPartInput>,
    ) -> Answer<dto::UploadPartOutput> {
        self.part(req).await
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<dto::UploadPartCopyInput>,
    ) -> Answer<dto::UploadPartCopyOutput> {
        self.part_copy(req.input).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> Answer<dto::CompleteMultipartUploadOutput> {
        self.complete(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<dto::AbortMultipartUploadInput>,
    ) -> Answer<dto::AbortMultipartUploadOutput> {
        let dto::AbortMultipartUploadInput {
            bucket,
            key,
            upload_id,
            ..
        } = req.input;
        self.on_disk(move |storage| storage.abort(&bucket, &key, &upload_id))
            .await?;
        Ok(answer(dto::AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(
        &self,
        req: S3Request<dto::ListPartsInput>,
    ) -> Answer<dto::ListPartsOutput> {
        self.parts(req.input).await
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<dto::ListMultipartUploadsInput>,
    ) -> Answer<dto::ListMultipartUploadsOutput> {
        self.uploads(req.input).await
    }
}
