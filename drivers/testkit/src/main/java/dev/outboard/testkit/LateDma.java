package dev.outboard.testkit;

import dev.outboard.dma.Dma;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * A mapping service whose batches stay reachable until the test says so, as those of a device that
 * is inside a DMA section, or that runs short of IOVAs. One thread.
 */
final class LateDma implements InvocationHandler {
    private final Dma service;
    private final Dma late;
    private long lastTicket;
    private long settledTicket;
    private boolean isLate;
    private int room = Integer.MAX_VALUE;

    LateDma(Dma service) {
        this.service = service;
        late =
                (Dma)
                        Proxy.newProxyInstance(
                                Dma.class.getClassLoader(), new Class<?>[] {Dma.class}, this);
    }

    /** The service as a driver sees it. */
    Dma dma() {
        return late;
    }

    /** From now on batches linger. */
    void linger() {
        isLate = true;
    }

    /** A batch finds IOVAs for so many of its buffers only, from now on. */
    void limit(int buffers) {
        room = buffers;
    }

    /** No batch that was unmapped so far can be reached any more. */
    void settle() {
        settledTicket = lastTicket;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "mapAll":
                arguments[3] = Math.min((int) arguments[3], room);
                return pass(method, arguments);
            case "unmapAllLater":
                if (!isLate) {
                    return pass(method, arguments);
                }
                service.unmapAll((long[]) arguments[0], (int[]) arguments[1], (int) arguments[2]);
                return ++lastTicket;
            case "isUnmapped":
                return !isLate || (long) arguments[0] <= settledTicket;
            case "awaitUnmapped":
                settle();
                return null;
            default:
                return pass(method, arguments);
        }
    }

    private Object pass(Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(service, arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }
}
