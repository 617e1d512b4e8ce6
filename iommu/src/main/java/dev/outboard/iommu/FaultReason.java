package dev.outboard.iommu;

/** Why a device's access was refused. */
public enum FaultReason {
    /** No mapping is there: never was, or was undone. */
    NOT_MAPPED(1),

    /**
     * The mapping does not give this right: written where only reading is allowed, or the other way
     * round.
     */
    ACCESS_DENIED(2),

    /** The IOVA is beyond the table. */
    OUT_OF_RANGE(3),

    /** The translation names a page frame that is not memory of this owner. */
    NO_MEMORY(4),

    /** The access asks for no byte, or for a negative number of them. */
    BAD_LENGTH(5);

    private static final FaultReason[] BY_CODE = new FaultReason[6];

    static {
        for (FaultReason reason : values()) {
            BY_CODE[reason.code] = reason;
        }
    }

    private final int code;

    FaultReason(int code) {
        this.code = code;
    }

    /** The number that stands for it in shared memory. */
    public int code() {
        return code;
    }

    /** The reason that a number stands for, or null: the number came from another process. */
    static FaultReason ofCode(int code) {
        return code > 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    }
}
