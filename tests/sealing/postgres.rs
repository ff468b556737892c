//! What holds of sealing on SQLite holds on PostgreSQL. Must not say anything of its own.

use super::hall::on_postgres;

macro_rules! also {
    ($($test:ident)*) => { $(
        #[test]
        fn $test() {
            on_postgres(super::$test);
        }
    )* };
}

also! {
    two_parties_seal_one_after_the_other_and_both_seals_hold
    what_is_wrong_with_a_signer_is_refused_and_the_right_one_may_still_sign
    a_certificate_revoked_meanwhile_and_a_job_that_is_over_seal_nothing
    a_seal_is_brought_in_only_by_its_owner_and_only_whole
    a_renewed_seal_takes_the_place_of_the_one_before_and_a_number_is_nobodys
    a_job_that_nobody_signs_is_ended_without_anybody_asking
    the_sharing_platforms_answer_counts_once_and_only_signed_from_where_it_may_come
}

#[test]
fn the_evidence_alone_proves_a_sealed_document_years_later() {
    on_postgres(super::evidence::the_evidence_alone_proves_a_sealed_document_years_later);
}
