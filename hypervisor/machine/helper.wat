;; hv's helper: four allocator functions and a rejection tracker that the machine puts into the
;; engine's own function-pointer slots (JSRuntime.mf, host_promise_rejection_tracker).
;;
;; Why: the published engine cannot see how large its blocks are (malloc_usable_size is 0 on
;; emscripten), so its memory limit and its collection threshold count blocks, not bytes; and its
;; allocator is the bottleneck of server code. Here every block is accounted by its true size, and
;; blocks up to 256 bytes are reused from lists by size without entering the general allocator.
;;
;; A block's size is in the general allocator's own word before it: bits 3.. of p[-4] (dlmalloc
;; chunk header), which includes that word's 4 bytes.
;;
;; Layout at $base, 1 KiB given by the machine: 0..131 list heads by (chunk bytes / 8), 512.. scratch.
(module
  (import "env" "memory" (memory 1))
  (import "env" "malloc" (func $general_malloc (param i32) (result i32)))
  (import "env" "free" (func $general_free (param i32)))
  (import "env" "rejection" (func $rejection (param i32 i32)))

  (global $base (mut i32) (i32.const 0))
  (func (export "init") (param $at i32) (global.set $base (local.get $at)))

  (func $chunk (param $block i32) (result i32)
    (i32.and (i32.load (i32.sub (local.get $block) (i32.const 4))) (i32.const -8)))

  (func $list (param $chunk i32) (result i32)
    (i32.add (global.get $base) (i32.shr_u (local.get $chunk) (i32.const 1))))

  (func $usable (export "usable") (param $block i32) (result i32)
    (if (i32.eqz (local.get $block)) (then (return (i32.const 0))))
    (i32.sub (call $chunk (local.get $block)) (i32.const 4)))

  ;; JSMallocState: +0 blocks, +4 bytes, +8 limit in bytes.
  (func $malloc (export "malloc") (param $state i32) (param $size i32) (result i32)
    (local $want i32) (local $head i32) (local $block i32)
    ;; A sum past the limit, or one that wraps, is out of memory: the engine throws in the guest.
    (if (i32.gt_u (local.get $size) (i32.const 0x7ffffff0)) (then (return (i32.const 0))))
    (if (i32.gt_u
          (i32.add (i32.load offset=4 (local.get $state)) (local.get $size))
          (i32.load offset=8 (local.get $state)))
      (then (return (i32.const 0))))
    (block $found
      (if (i32.le_u (local.get $size) (i32.const 252)) (then
        (local.set $want (i32.and (i32.add (local.get $size) (i32.const 11)) (i32.const -8)))
        (if (i32.lt_u (local.get $want) (i32.const 16)) (then (local.set $want (i32.const 16))))
        (local.set $head (call $list (local.get $want)))
        (local.set $block (i32.load (local.get $head)))
        (if (local.get $block) (then
          (i32.store (local.get $head) (i32.load (local.get $block)))
          (br $found)))))
      (local.set $block (call $general_malloc (local.get $size)))
      (if (i32.eqz (local.get $block)) (then (return (i32.const 0)))))
    (i32.store (local.get $state) (i32.add (i32.load (local.get $state)) (i32.const 1)))
    (i32.store offset=4 (local.get $state)
      (i32.add (i32.load offset=4 (local.get $state)) (call $chunk (local.get $block))))
    (local.get $block))

  (func $free (export "free") (param $state i32) (param $block i32)
    (local $chunk i32) (local $head i32)
    (if (i32.eqz (local.get $block)) (then (return)))
    (local.set $chunk (call $chunk (local.get $block)))
    (i32.store (local.get $state) (i32.sub (i32.load (local.get $state)) (i32.const 1)))
    (i32.store offset=4 (local.get $state)
      (i32.sub (i32.load offset=4 (local.get $state)) (local.get $chunk)))
    (if (i32.le_u (local.get $chunk) (i32.const 256)) (then
      (local.set $head (call $list (local.get $chunk)))
      (i32.store (local.get $block) (i32.load (local.get $head)))
      (i32.store (local.get $head) (local.get $block))
      (return)))
    (call $general_free (local.get $block)))

  (func (export "realloc") (param $state i32) (param $block i32) (param $size i32) (result i32)
    (local $usable i32) (local $moved i32)
    (if (i32.eqz (local.get $block)) (then
      (if (i32.eqz (local.get $size)) (then (return (i32.const 0))))
      (return (call $malloc (local.get $state) (local.get $size)))))
    (if (i32.eqz (local.get $size)) (then
      (call $free (local.get $state) (local.get $block))
      (return (i32.const 0))))
    (local.set $usable (call $usable (local.get $block)))
    ;; Stay in place when it fits and would not waste more than half of a large block.
    (if (i32.and
          (i32.le_u (local.get $size) (local.get $usable))
          (i32.or
            (i32.le_u (local.get $usable) (i32.const 64))
            (i32.ge_u (local.get $size) (i32.shr_u (local.get $usable) (i32.const 1)))))
      (then (return (local.get $block))))
    (local.set $moved (call $malloc (local.get $state) (local.get $size)))
    (if (i32.eqz (local.get $moved)) (then (return (i32.const 0))))
    (memory.copy (local.get $moved) (local.get $block)
      (select (local.get $size) (local.get $usable)
        (i32.lt_u (local.get $size) (local.get $usable))))
    (call $free (local.get $state) (local.get $block))
    (local.get $moved))

  ;; The engine passes two JSValues by value; the host reads them from scratch memory.
  (func (export "tracker")
    (param $context i32) (param $promise i64) (param $reason i64) (param $handled i32)
    (param $opaque i32)
    (i64.store offset=512 (global.get $base) (local.get $promise))
    (i64.store offset=520 (global.get $base) (local.get $reason))
    (call $rejection (i32.add (global.get $base) (i32.const 512)) (local.get $handled))))
