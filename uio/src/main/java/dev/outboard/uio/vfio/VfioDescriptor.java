package dev.outboard.uio.vfio;

import java.lang.foreign.ValueLayout;

/**
 * Numbers and layouts of VFIO, in the byte order of the processor.
 *
 * <pre>
 *   group status     00 argsz u32   04 flags u32
 *   device           00 argsz u32   04 flags u32    08 regions u32   0c interrupts u32
 *   region           00 argsz u32   04 flags u32    08 index u32     0c capabilities u32
 *                    10 length u64  18 offset u64
 *   capability       00 id u16      02 version u16  04 next u32
 *     sparse areas   08 count u32   0c reserved     10 areas: { offset u64, length u64 }
 *     IOVA ranges    08 count u32   0c reserved     10 ranges: { first u64, last u64 }
 *     mappings left  08 count u32
 *   interrupts       00 argsz u32   04 flags u32    08 index u32     0c count u32
 *   set interrupts   00 argsz u32   04 flags u32    08 index u32     0c first u32   10 count u32
 *                    14 data: nothing, or a u8 or an s32 for each
 *   type 1           00 argsz u32   04 flags u32    08 page sizes u64   10 capabilities u32
 *   map              00 argsz u32   04 flags u32    08 here u64      10 IOVA u64    18 length u64
 *   unmap            00 argsz u32   04 flags u32    08 IOVA u64      10 length u64
 *   bind to iommufd  00 argsz u32   04 flags u32    08 iommufd s32   0c its device u32
 *   attach           00 argsz u32   04 flags u32    08 address space u32
 *   detach           00 argsz u32   04 flags u32
 * </pre>
 *
 * <p>Source: linux/vfio.h.
 */
final class VfioDescriptor {
    static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED;
    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED;
    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED;

    /** {@code _IO(';', 100)}: no direction and no size are coded into the numbers. */
    private static final int BASE = ';' << 8 | 100;

    static final int GET_API_VERSION = BASE;
    static final int CHECK_EXTENSION = BASE + 1;
    static final int SET_IOMMU = BASE + 2;
    static final int GROUP_GET_STATUS = BASE + 3;
    static final int GROUP_SET_CONTAINER = BASE + 4;
    static final int GROUP_GET_DEVICE = BASE + 6;
    static final int DEVICE_GET_INFO = BASE + 7;
    static final int DEVICE_GET_REGION_INFO = BASE + 8;
    static final int DEVICE_GET_IRQ_INFO = BASE + 9;
    static final int DEVICE_SET_IRQS = BASE + 10;
    static final int DEVICE_RESET = BASE + 11;

    /** Of a container: the same numbers mean other things to a device. */
    static final int IOMMU_GET_INFO = BASE + 12;

    static final int IOMMU_MAP = BASE + 13;
    static final int IOMMU_UNMAP = BASE + 14;
    static final int DEVICE_BIND_IOMMUFD = BASE + 18;
    static final int DEVICE_ATTACH = BASE + 19;
    static final int DEVICE_DETACH = BASE + 20;

    static final int API_VERSION = 0;

    /** The IOMMU of x86 and others, whose unmap takes whole mappings. */
    static final int TYPE1_V2 = 3;

    /** An extension: unmap takes everything at once. */
    static final int UNMAP_ALL = 9;

    static final int GROUP_STATUS_BYTES = 8;
    static final int GROUP_VIABLE = 1;

    static final int DEVICE_BYTES = 20;
    static final int DEVICE_RESETS = 1;
    static final int DEVICE_PCI = 1 << 1;

    static final int REGION_BYTES = 32;
    static final int REGION_MAPPABLE = 1 << 2;
    static final int REGION_HAS_CAPABILITIES = 1 << 3;
    static final int REGION_LENGTH = 0x10;
    static final int REGION_OFFSET = 0x18;
    static final int CONFIGURATION_REGION = 7;

    static final int CAPABILITY_BYTES = 8;
    static final int CAPABILITY_NEXT = 4;
    static final int CAPABILITY_COUNT = 8;
    static final int CAPABILITY_LIST = 16;
    static final int PAIR_BYTES = 16;

    /** Of a region: parts of it that can be mapped. */
    static final int SPARSE_AREAS = 1;

    static final int IRQ_BYTES = 16;
    static final int IRQ_COUNT = 12;
    static final int IRQ_EVENTFD = 1;
    static final int IRQ_FIXED_COUNT = 1 << 3;

    static final int INTX = 0;
    static final int MSI = 1;
    static final int MSIX = 2;
    static final int ERROR = 3;
    static final int REQUEST = 4;

    static final int SET_BYTES = 20;
    static final int SET_NO_DATA = 1;
    static final int SET_BOOLEANS = 1 << 1;
    static final int SET_EVENTS = 1 << 2;
    static final int SET_MASK = 1 << 3;
    static final int SET_UNMASK = 1 << 4;
    static final int SET_TRIGGER = 1 << 5;

    static final int TYPE1_BYTES = 24;
    static final int TYPE1_PAGE_SIZES = 8;
    static final int TYPE1_CAPABILITIES = 16;
    static final int TYPE1_HAS_PAGE_SIZES = 1;
    static final int TYPE1_HAS_CAPABILITIES = 1 << 1;

    /** Of type 1: the IOVA that can be mapped. */
    static final int IOVA_RANGES = 1;

    /** Of type 1: how many mappings are left. */
    static final int MAPPINGS_LEFT = 3;

    static final int MAP_BYTES = 32;
    static final int MAP_HERE = 8;
    static final int MAP_IOVA = 16;
    static final int MAP_LENGTH = 24;

    static final int UNMAP_BYTES = 24;
    static final int UNMAP_IOVA = 8;
    static final int UNMAP_LENGTH = 16;
    static final int UNMAP_EVERYTHING = 1 << 1;

    static final int BIND_BYTES = 16;
    static final int BIND_IOMMUFD = 8;
    static final int ATTACH_BYTES = 12;
    static final int ATTACH_SPACE = 8;
    static final int DETACH_BYTES = 8;

    private VfioDescriptor() {}
}
