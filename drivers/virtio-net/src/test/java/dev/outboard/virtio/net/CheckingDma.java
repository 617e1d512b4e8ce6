package dev.outboard.virtio.net;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * A mapping service without an IOMMU that remembers, page by page, what the device may write: what
 * is shown to a client must have been the device's, and must not be any more.
 */
final class CheckingDma implements InvocationHandler {
    private static final int PAGE_SHIFT = 12;
    private static final byte DEVICES = 1;
    private static final byte BACK = 2;

    private final Dma service;
    private final long base;
    private final byte[] pages;

    /**
     * @param base the first physical address of the memory
     */
    CheckingDma(Dma service, long base, int memoryBytes) {
        this.service = service;
        this.base = base;
        pages = new byte[memoryBytes >> PAGE_SHIFT];
    }

    /** The service as a driver sees it. */
    Dma dma() {
        return (Dma)
                Proxy.newProxyInstance(
                        Dma.class.getClassLoader(), new Class<?>[] {Dma.class}, this);
    }

    /** Whether all of it was the device's, and is not any more. */
    boolean isBack(long physicalAddress, int lengthBytes) {
        int last = page(physicalAddress + lengthBytes - 1);
        for (int page = page(physicalAddress); page <= last; page++) {
            if (pages[page] != BACK) {
                return false;
            }
        }
        return lengthBytes > 0;
    }

    private int page(long physicalAddress) {
        return (int) (physicalAddress - base >> PAGE_SHIFT);
    }

    private void mark(long physicalAddress, int lengthBytes, byte what) {
        int last = page(physicalAddress + lengthBytes - 1);
        for (int page = page(physicalAddress); page <= last; page++) {
            pages[page] = what;
        }
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        Object result;
        try {
            result = method.invoke(service, arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
        switch (method.getName()) {
            case "mapAll" -> {
                if (arguments[4] == DmaDirection.FROM_DEVICE) {
                    all((long[]) arguments[0], (int[]) arguments[1], (int) result, DEVICES);
                }
            }
            case "unmapAll", "unmapAllLater" ->
                    // Without an IOMMU an IOVA is a physical address.
                    all((long[]) arguments[0], (int[]) arguments[1], (int) arguments[2], BACK);
            default -> {}
        }
        return result;
    }

    private void all(long[] addresses, int[] lengths, int count, byte what) {
        for (int i = 0; i < count; i++) {
            mark(addresses[i], lengths[i], what);
        }
    }
}
