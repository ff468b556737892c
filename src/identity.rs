//! Check digits of unified social credit codes (GB 32100-2015) and ID numbers (GB 11643-1999). Pure.
