//! Tables of seals, sealing jobs and the seals on documents. Must match `migrations/`; a test compares.

diesel::table! {
    e_seals (id) {
        id -> Text,
        es_id -> Text,
        owner_kind -> Text,
        owner -> Text,
        name -> Text,
        maker -> Text,
        maker_sha256 -> Text,
        version -> BigInt,
        picture_type -> Text,
        der -> Text,
        valid_from -> BigInt,
        valid_to -> BigInt,
        test -> Bool,
        imported_by -> Text,
        imported_at -> BigInt,
        withdrawn_at -> Nullable<BigInt>,
        digest -> Text,
        made_at -> BigInt,
    }
}

diesel::table! {
    seal_jobs (id) {
        id -> Text,
        state -> Text,
        account -> Text,
        trade -> Text,
        instance -> Text,
        todo -> Text,
        document -> Text,
        document_name -> Text,
        seal -> Text,
        provider -> Text,
        reference -> Nullable<Text>,
        base_sha256 -> Text,
        prepared_sha256 -> Text,
        sealed_sha256 -> Nullable<Text>,
        to_sign -> Text,
        certificate -> Nullable<Text>,
        signature -> Nullable<Text>,
        fault -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        changed_at -> BigInt,
        address -> Nullable<Text>,
    }
}

diesel::table! {
    seal_signatures (job) {
        job -> Text,
        document -> Text,
        base_sha256 -> Text,
        sha256 -> Text,
        sm3 -> Text,
        bytes -> BigInt,
        es_id -> Text,
        subject_kind -> Text,
        subject -> Text,
        subject_name -> Text,
        certificate_sha256 -> Text,
        certificate -> Text,
        signature -> Text,
        time_source -> Text,
        report -> Text,
        evidence -> Text,
        signed_at -> BigInt,
        verified_at -> BigInt,
    }
}

diesel::table! {
    document_imprints (document) {
        document -> Text,
        content_sm3 -> Text,
        places -> Text,
    }
}
