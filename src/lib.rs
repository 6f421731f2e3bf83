//! `cback`: backups of a pool of machines onto write-once discs that anyone can still read in fifty years.
//!
//! Each **day**, every **peer** *collects* its **sources** into **archives**. The master *stages* the peers'
//! archives in that day's **daily directory**, *stores* the directory as a **session** on a **disc**, and
//! *purges* what has grown old. The **catalog** remembers what went where, so that on a bad day anyone can
//! *restore* it.
//!
//! The modules stand in layers; a module uses only those below it (`tests/layers.rs` holds the table).

// 5, 6: order, hooks; arguments, exit codes, hints
pub mod cli;
pub mod plan;

// 4: where a configuration section meets the services
pub mod action;
pub mod extend;

// 3: XML into values in which nothing can be wrong any more
pub mod config;

// 2: compositions
pub mod changer;
pub mod collect;
pub mod disc;
pub mod dump;
pub mod encrypt;
pub mod purge;
pub mod restore;
pub mod span;
pub mod split;
pub mod stage;
pub mod store;
pub mod upload;

// 1: services
pub mod archive;
pub mod catalog;
pub mod media;
pub mod peer;
pub mod select;
pub mod staging;

// 0: ground
pub mod claims;
pub mod clock;
pub mod event;
pub mod fault;
pub mod fsx;
pub mod iso9660;
pub mod legacy;
pub mod lock;
pub mod process;
pub mod sums;
pub mod units;
